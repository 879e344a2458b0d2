#include "tests/crash/explorer.h"

#include <algorithm>
#include <cstring>

#include "src/base/random.h"
#include "tests/crash/damage.h"
#include "tests/support/trace_hash.h"

namespace timber::logengine {

namespace {

// From one scenario, then the next: variety of workloads over depth in one.
constexpr uint64_t kStatesPerScenario = 200;
// How many states each life leaves behind, by the crashes before it.
constexpr std::array<uint64_t, 3> kClonesPerLife = {24, 4, 2};
// About how many steps a life has, for spreading them.
constexpr std::array<uint64_t, 3> kStepsPerLife = {400, 130, 100};
// How many ways to die are tried where one with a hole is wanted.
constexpr int kTriesForHole = 3;
// How many clones are taken at a step of a kind that is short of its floor.
constexpr int kClonesOfWanted = 4;
constexpr uint64_t kDamagesPerQuietEnd = 8;
constexpr size_t kPathTextBytesMax = 512;

std::array<char, kPathTextBytesMax> current_path_text;

void set_current_path(const Path& path) {
    const std::string text = path.to_string();
    const size_t bytes = std::min(text.size(), kPathTextBytesMax - 1);
    std::memcpy(current_path_text.data(), text.data(), bytes);
    current_path_text[bytes] = 0;
}

DiskImage image_after(const Life& life, const End& end, DeathReport& report) {
    if (end.kind == End::Kind::kDamage) {
        DiskImage clean = life.disk().image();
        clean.settle();
        return damaged(clean, life.earlier_image(), end.seed);
    }
    const Death death = end.kind == End::Kind::kPowerCut ? Death::kPowerCut : Death::kProcessDeath;
    return life.disk().image_after(death, end.seed, &report);
}

// How far a damaged log must reach.
Lsn proven_lsn(const Life& life, const DiskImage& image, LogId log_id) {
    const std::vector<OwedBatch>& owed = life.model().owed();
    if (life.witnessed()) return owed.empty() ? Lsn() : owed.back().lsn;
    return proven_without(life.disk().image(), image, log_id);
}

size_t deeds_of(const Path& path, const Limits& limits) {
    Random random(path.life_seed() + 1);
    const size_t most = path.ends.empty() ? 60 : path.ends.size() < limits.crashes ? 14 : 2;
    return std::min<size_t>(random.between(most / 6, most), limits.deeds);
}

}  // namespace

// Draws the moments and ways of death, and keeps what they leave.
class Explorer::Sampler : public LifeWatcher {
  public:
    Sampler(Explorer& explorer, Path path, Random& random)
        : explorer_(explorer),
          path_(std::move(path)),
          random_(random),
          depth_(path_.ends.size()),
          kinds_(depth_ > 0 ? kind_bit(StateKind::kLaterCrash) : 0),
          budget_(depth_ < kClonesPerLife.size() ? 2 * kClonesPerLife[depth_] : 0) {}

    void at(const Life& life, Moment moment) override {
        // What a damaged log comes to is seen; nobody lives on with it.
        if (path_.at_rest()) return;
        if (moment.kind == Moment::Kind::kQuiet) take_damages(life, moment);
        if (depth_ >= explorer_.limits_.crashes) return;
        const StateKinds kinds = kinds_ | kinds_of(life);
        const bool wanted = wanted_kind(kinds);
        if (!wanted && (budget_ == 0 || !chosen(moment))) return;
        for (int clone = 0; clone < (wanted ? kClonesOfWanted : 1); ++clone) {
            if (budget_ > 0) --budget_;
            take(life, moment, kinds);
        }
    }

  private:
    StateKinds kinds_of(const Life& life) const {
        StateKinds kinds = 0;
        if (life.opening()) kinds |= kind_bit(StateKind::kRecovery);
        if (life.switching_segment()) kinds |= kind_bit(StateKind::kSegmentSwitch);
        if (life.recycling()) kinds |= kind_bit(StateKind::kRecycling);
        return kinds;
    }

    bool wanted_kind(StateKinds kinds) {
        for (const StateKind kind :
             {StateKind::kSegmentSwitch, StateKind::kRecycling, StateKind::kRecovery}) {
            if ((kinds & kind_bit(kind)) != 0 && explorer_.coverage_.wanted(kind))
                return kind == StateKind::kRecycling || random_.one_in(2);
        }
        return false;
    }

    bool chosen(Moment moment) {
        switch (moment.kind) {
            case Moment::Kind::kStep: break;
            case Moment::Kind::kOpened: return random_.one_in(3);
            case Moment::Kind::kEnd:
            case Moment::Kind::kQuiet: return random_.one_in(2);
        }
        return random_.below(kStepsPerLife[depth_]) < kClonesPerLife[depth_];
    }

    void take(const Life& life, Moment moment, StateKinds kinds) {
        End end{.moment = moment};
        DiskImage image;
        const bool hole_wanted = explorer_.coverage_.wanted(StateKind::kHole);
        bool hole = false;
        for (int attempt = 0; attempt < (hole_wanted ? kTriesForHole : 1) && !hole; ++attempt) {
            end.kind = random_.percent(65) ? End::Kind::kPowerCut : End::Kind::kProcessDeath;
            end.seed = random_.next() >> 32;
            DeathReport report;
            image = image_after(life, end, report);
            hole = report.hole_with_survivors;
        }
        if (hole) kinds |= kind_bit(StateKind::kHole);
        const bool cut = end.kind == End::Kind::kPowerCut;
        kinds |= kind_bit(cut ? StateKind::kPowerCut : StateKind::kProcessDeath);
        const bool from_process_death =
            depth_ > 0 && path_.ends.back().kind == End::Kind::kProcessDeath;
        if (cut && moment.kind == Moment::Kind::kOpened && from_process_death)
            kinds |= kind_bit(StateKind::kCutThenPower);
        keep(life, end, std::move(image), kinds, Lsn());
    }

    void take_damages(const Life& life, Moment moment) {
        if (life.model().owed().empty() || (depth_ > 0 && !random_.one_in(6))) return;
        for (uint64_t round = 0; round < kDamagesPerQuietEnd; ++round) {
            const End end{moment, End::Kind::kDamage, random_.next() >> 32};
            DeathReport ignored;
            DiskImage image = image_after(life, end, ignored);
            const Lsn proven = proven_lsn(life, image, explorer_.log_id_);
            keep(life, end, std::move(image), 0, proven);
        }
    }

    void keep(const Life& life, const End& end, DiskImage image, StateKinds kinds, Lsn proven) {
        Path path = path_;
        path.ends.push_back(end);
        explorer_.states_.push_back(
            {std::move(path), std::move(image), life.model(), kinds, proven});
    }

    Explorer& explorer_;
    const Path path_;
    Random& random_;
    const size_t depth_;
    const StateKinds kinds_;
    uint64_t budget_;
};

// Waits for the one end that a path goes on from.
class Explorer::Follower : public LifeWatcher {
  public:
    Follower(const End* end, LogId log_id) : end_(end), log_id_(log_id) {}

    void at(const Life& life, Moment moment) override {
        if (end_ == nullptr || state_ || moment != end_->moment) return;
        DeathReport report;
        DiskImage image = image_after(life, *end_, report);
        const Lsn proven =
            end_->kind == End::Kind::kDamage ? proven_lsn(life, image, log_id_) : Lsn();
        state_ = State{{}, std::move(image), life.model(), 0, proven};
    }
    std::optional<State>& state() { return state_; }

  private:
    const End* end_;
    const LogId log_id_;
    std::optional<State> state_;
};

const char* Explorer::current_path() { return current_path_text.data(); }

std::optional<Failure> Explorer::live(const Scenario& scenario, State state, LifeWatcher& watcher) {
    set_current_path(state.path);
    Life life(scenario, contents_,
              {.image = std::move(state.image),
               .model = std::move(state.model),
               .seed = state.path.life_seed(),
               .damaged = state.path.at_rest(),
               .proven_lsn = state.proven_lsn,
               .deeds = deeds_of(state.path, state.path.limits)},
              watcher);
    life.run();
    if (!life.failure()) return std::nullopt;
    return Failure{std::move(state.path), *life.failure()};
}

std::optional<Failure> Explorer::explore_scenario(uint64_t scenario_seed, uint64_t states) {
    const Scenario scenario = draw_scenario(scenario_seed, limits_);
    log_id_ = scenario.log.log_id;
    contents_.clear();
    states_.clear();
    Random random(scenario_seed + 1);
    states_.push_back({{scenario_seed, limits_, {}}, {}, {}, 0, {}});
    const uint64_t until = std::min(coverage_.states() + kStatesPerScenario, states);
    while (!states_.empty() && coverage_.states() < until) {
        State state = std::move(states_.back());
        states_.pop_back();
        if (state.path.at_rest()) {
            coverage_.count_damage();
        } else if (!state.path.ends.empty()) {
            coverage_.count(state.image.fingerprint(), state.kinds);
        }
        Sampler sampler(*this, state.path, random);
        if (auto failure = live(scenario, std::move(state), sampler)) return failure;
    }
    return std::nullopt;
}

std::optional<Failure> Explorer::explore(uint64_t states) {
    TraceHash base;
    base.mix(seed_);
    for (uint64_t round = 0; coverage_.states() < states; ++round) {
        TraceHash scenario_seed = base;
        scenario_seed.mix(round);
        if (auto failure = explore_scenario(scenario_seed.value(), states)) return failure;
    }
    return std::nullopt;
}

std::optional<Failure> Explorer::shrink(const Failure& failure) {
    const Path& path = failure.path;
    for (uint32_t crashes = 1; crashes <= path.limits.crashes; ++crashes) {
        for (uint32_t deeds = 1; deeds <= 64; deeds *= 2) {
            Limits limits = path.limits;
            limits.crashes = crashes;
            limits.deeds = deeds;
            Explorer smaller(0, limits);
            if (auto found = smaller.explore_scenario(path.scenario_seed, kStatesPerScenario))
                return found;
        }
    }
    return std::nullopt;
}

std::optional<Failure> Explorer::replay(const Path& path) {
    const Scenario scenario = draw_scenario(path.scenario_seed, path.limits);
    State state{{path.scenario_seed, path.limits, {}}, {}, {}, 0, {}};
    for (size_t next = 0;; ++next) {
        Path here = state.path;
        const End* const end = next < path.ends.size() ? &path.ends[next] : nullptr;
        Follower follower(end, scenario.log.log_id);
        if (auto failure = live(scenario, std::move(state), follower)) return failure;
        if (end == nullptr) return std::nullopt;
        if (!follower.state())
            return Failure{std::move(here), "the replay never came to the next end: other code?"};
        state = std::move(*follower.state());
        here.ends.push_back(*end);
        state.path = std::move(here);
    }
}

}  // namespace timber::logengine
