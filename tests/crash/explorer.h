#pragma once
// Explores the crash states of something that keeps files: lives under a watcher that, at steps it
// draws, clones what a death would leave together with the model, and lives on from each clone,
// three deep.
//
// What lives is a World's business:
//
//   struct World {
//       using Scenario = ...;           // what is drawn once and shared by all lives of a tree
//       using Model = ...;              // a value: what is owed to the owner
//       using Proof = ...;              // a value: what a damaged image must still show
//       class Life {                    // run(), failure(), disk(), model(), earlier_image(),
//           ...                         // opening(), kinds(): what it is in the middle of
//       };
//       static constexpr Tuning kTuning = {...};
//       static constexpr KindFloor kFloors[] = {...};      // of its own kinds of states
//       static std::span<const unsigned> wanted_kinds();   // looked for where they are rare
//       Scenario begin(uint64_t seed, const Limits& limits);
//       std::unique_ptr<Life> make_life(const Scenario&, LifeStart<World>, LifeWatcher<World>&);
//       static bool worth_damaging(const Life&);
//       static DiskImage damage(const DiskImage& clean, const Life&, uint64_t seed);
//       Proof proof(const Life&, const DiskImage& damaged);
//   };
//
// Thread:     one.
// Failure:    the first failure ends the exploration; it names the path to it. A failed assertion
//             inside what is explored aborts the process; current_path() tells where, to a signal
//             handler.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/base/random.h"
#include "tests/crash/coverage.h"
#include "tests/crash/path.h"
#include "tests/support/disk_image.h"
#include "tests/support/trace_hash.h"

namespace timber::crash {

struct Failure {
    Path path;
    std::string what;
};

// How a world's trees of lives are spread, by the crashes before a life.
struct Tuning {
    std::array<uint64_t, 3> clones_per_life;  // states that a life leaves behind
    std::array<uint64_t, 3> steps_per_life;   // about how many it has, for spreading them
    std::array<size_t, 4> deeds_per_life;     // at most
    uint64_t states_per_scenario;             // variety of workloads over depth in one
    uint64_t opened_one_in = 3;               // how often a life ends right after its opening
    // Taken and not explored yet, where lives stay inside of something so long that the states of
    // it would fill the memory. A cap makes scenarios that cannot meet their floors go on longer.
    uint64_t states_waiting_max = UINT64_MAX;
};

template <typename World>
class LifeWatcher {
  public:
    virtual ~LifeWatcher() = default;
    virtual void at(const typename World::Life& life, Moment moment) = 0;
};

template <typename World>
struct LifeStart {
    DiskImage image{};
    typename World::Model model{};
    uint64_t seed = 0;
    // The image was damaged at rest: a refusal that names a file is as good as the content.
    bool damaged = false;
    typename World::Proof proof{};
    size_t deeds = 0;
};

// Where the exploration is: the path of the life that runs now.
const char* current_path();
void set_current_path(const Path& path);

template <typename World>
class Explorer {
  public:
    Explorer(uint64_t seed, Limits limits)
        : seed_(seed), limits_(limits), coverage_(World::kFloors) {}

    // Until so many distinct states were reopened and found right.
    std::optional<Failure> explore(uint64_t states);
    // Looks for a smaller failure of the same scenario: fewer crashes, fewer deeds in each life.
    static std::optional<Failure> shrink(const Failure& failure);
    // Lives through one path only.
    std::optional<Failure> replay(const Path& path);

    const Coverage& coverage() const { return coverage_; }

  private:
    class Sampler;
    class Follower;
    using Life = typename World::Life;

    // A state to live on from.
    struct State {
        Path path{};
        DiskImage image{};
        typename World::Model model{};
        StateKinds kinds = 0;
        typename World::Proof proof{};
    };

    std::optional<Failure> explore_scenario(uint64_t scenario_seed, uint64_t states);
    std::optional<Failure> live(const typename World::Scenario& scenario, State state,
                                LifeWatcher<World>& watcher);

    static DiskImage image_after(const Life& life, const End& end, DeathReport& report) {
        if (end.kind == End::Kind::kDamage) {
            DiskImage clean = life.disk().image();
            clean.settle();
            return World::damage(clean, life, end.seed);
        }
        const bool cut = end.kind == End::Kind::kPowerCut;
        return life.disk().image_after(cut ? Death::kPowerCut : Death::kProcessDeath, end.seed,
                                       &report);
    }

    static size_t deeds_of(const Path& path) {
        Random random(path.life_seed() + 1);
        const auto& deeds = World::kTuning.deeds_per_life;
        const size_t last = std::min<size_t>(path.limits.crashes, deeds.size() - 1);
        // The last life of a row only shows what became of it.
        const size_t crashes = path.ends.size();
        const size_t most = crashes >= last ? deeds.back() : deeds[crashes];
        return std::min<size_t>(random.between(most / 6, most), path.limits.deeds);
    }

    const uint64_t seed_;
    const Limits limits_;
    World world_;
    Coverage coverage_;
    std::vector<State> states_;  // to be explored, the last first
};

// Draws the moments and ways of death, and keeps what they leave.
template <typename World>
class Explorer<World>::Sampler : public LifeWatcher<World> {
  public:
    Sampler(Explorer& explorer, Path path, Random& random)
        : explorer_(explorer),
          path_(std::move(path)),
          random_(random),
          depth_(path_.ends.size()),
          kinds_(depth_ > 0 ? kind_bit(kLaterCrash) : 0),
          budget_(depth_ < 3 ? 2 * World::kTuning.clones_per_life[depth_] : 0) {}

    void at(const Life& life, Moment moment) override {
        // What a damaged store comes to is seen; nobody lives on with it.
        if (path_.at_rest()) return;
        if (moment.kind == Moment::Kind::kQuiet) take_damages(life, moment);
        if (depth_ >= explorer_.limits_.crashes) return;
        const StateKinds kinds = kinds_ | life.kinds() | (life.opening() ? kind_bit(kRecovery) : 0);
        const bool wanted = wanted_kind(kinds);
        if (!wanted && (budget_ == 0 || !chosen(moment))) return;
        for (int clone = 0; clone < (wanted ? kClonesOfWanted : 1); ++clone) {
            if (budget_ > 0) --budget_;
            take(life, moment, kinds);
        }
    }

  private:
    // How many ways to die are tried where one with a hole is wanted.
    static constexpr int kTriesForHole = 3;
    // How many clones are taken at a step of a kind that is short of its floor.
    static constexpr int kClonesOfWanted = 4;
    static constexpr uint64_t kDamagesPerQuietEnd = 8;

    // The rarest kinds are taken whenever they are met, the others every other time.
    bool wanted_kind(StateKinds kinds) {
        if (explorer_.states_.size() >= World::kTuning.states_waiting_max) return false;
        for (const unsigned kind : World::wanted_kinds()) {
            if ((kinds & kind_bit(kind)) != 0 && explorer_.coverage_.wanted(kind))
                return kind == World::kRarestKind || random_.one_in(2);
        }
        return false;
    }

    bool chosen(Moment moment) {
        switch (moment.kind) {
            case Moment::Kind::kStep: break;
            case Moment::Kind::kOpened: return random_.one_in(World::kTuning.opened_one_in);
            case Moment::Kind::kEnd:
            case Moment::Kind::kQuiet: return random_.one_in(2);
        }
        return random_.below(World::kTuning.steps_per_life[depth_]) <
               World::kTuning.clones_per_life[depth_];
    }

    void take(const Life& life, Moment moment, StateKinds kinds) {
        End end{.moment = moment};
        DiskImage image;
        const bool hole_wanted = explorer_.coverage_.wanted(kHole);
        bool hole = false;
        for (int attempt = 0; attempt < (hole_wanted ? kTriesForHole : 1) && !hole; ++attempt) {
            end.kind = random_.percent(65) ? End::Kind::kPowerCut : End::Kind::kProcessDeath;
            end.seed = random_.next() >> 32;
            DeathReport report;
            image = image_after(life, end, report);
            hole = report.hole_with_survivors;
        }
        if (hole) kinds |= kind_bit(kHole);
        const bool cut = end.kind == End::Kind::kPowerCut;
        kinds |= kind_bit(cut ? kPowerCut : kProcessDeath);
        const bool from_process_death =
            depth_ > 0 && path_.ends.back().kind == End::Kind::kProcessDeath;
        if (cut && moment.kind == Moment::Kind::kOpened && from_process_death)
            kinds |= kind_bit(kCutThenPower);
        keep(life, end, std::move(image), kinds, {});
    }

    void take_damages(const Life& life, Moment moment) {
        if (!World::worth_damaging(life) || (depth_ > 0 && !random_.one_in(6))) return;
        for (uint64_t round = 0; round < kDamagesPerQuietEnd; ++round) {
            const End end{moment, End::Kind::kDamage, random_.next() >> 32};
            DeathReport ignored;
            DiskImage image = image_after(life, end, ignored);
            auto proof = explorer_.world_.proof(life, image);
            keep(life, end, std::move(image), 0, std::move(proof));
        }
    }

    void keep(const Life& life, const End& end, DiskImage image, StateKinds kinds,
              typename World::Proof proof) {
        Path path = path_;
        path.ends.push_back(end);
        explorer_.states_.push_back(
            {std::move(path), std::move(image), life.model(), kinds, std::move(proof)});
    }

    Explorer& explorer_;
    const Path path_;
    Random& random_;
    const size_t depth_;
    const StateKinds kinds_;
    uint64_t budget_;
};

// Waits for the one end that a path goes on from.
template <typename World>
class Explorer<World>::Follower : public LifeWatcher<World> {
  public:
    Follower(const End* end, World& world) : end_(end), world_(world) {}

    void at(const Life& life, Moment moment) override {
        if (end_ == nullptr || state_ || moment != end_->moment) return;
        DeathReport report;
        DiskImage image = image_after(life, *end_, report);
        typename World::Proof proof{};
        if (end_->kind == End::Kind::kDamage) proof = world_.proof(life, image);
        state_ = State{{}, std::move(image), life.model(), 0, std::move(proof)};
    }
    std::optional<State>& state() { return state_; }

  private:
    const End* end_;
    World& world_;
    std::optional<State> state_;
};

template <typename World>
std::optional<Failure> Explorer<World>::live(const typename World::Scenario& scenario, State state,
                                             LifeWatcher<World>& watcher) {
    set_current_path(state.path);
    const std::unique_ptr<Life> life = world_.make_life(scenario,
                                                        {.image = std::move(state.image),
                                                         .model = std::move(state.model),
                                                         .seed = state.path.life_seed(),
                                                         .damaged = state.path.at_rest(),
                                                         .proof = std::move(state.proof),
                                                         .deeds = deeds_of(state.path)},
                                                        watcher);
    life->run();
    if (!life->failure()) return std::nullopt;
    return Failure{std::move(state.path), *life->failure()};
}

template <typename World>
std::optional<Failure> Explorer<World>::explore_scenario(uint64_t scenario_seed, uint64_t states) {
    const typename World::Scenario scenario = world_.begin(scenario_seed, limits_);
    states_.clear();
    Random random(scenario_seed + 1);
    states_.push_back({.path = {scenario_seed, limits_, {}}});
    const uint64_t until =
        std::min(coverage_.states() + World::kTuning.states_per_scenario, states);
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

template <typename World>
std::optional<Failure> Explorer<World>::explore(uint64_t states) {
    TraceHash base;
    base.mix(seed_);
    for (uint64_t round = 0; coverage_.states() < states; ++round) {
        TraceHash scenario_seed = base;
        scenario_seed.mix(round);
        if (auto failure = explore_scenario(scenario_seed.value(), states)) return failure;
    }
    return std::nullopt;
}

template <typename World>
std::optional<Failure> Explorer<World>::shrink(const Failure& failure) {
    const Path& path = failure.path;
    for (uint32_t crashes = 1; crashes <= path.limits.crashes; ++crashes) {
        for (uint32_t deeds = 1; deeds <= 64; deeds *= 2) {
            Limits limits = path.limits;
            limits.crashes = crashes;
            limits.deeds = deeds;
            Explorer smaller(0, limits);
            if (auto found = smaller.explore_scenario(path.scenario_seed,
                                                      World::kTuning.states_per_scenario))
                return found;
        }
    }
    return std::nullopt;
}

template <typename World>
std::optional<Failure> Explorer<World>::replay(const Path& path) {
    const typename World::Scenario scenario = world_.begin(path.scenario_seed, path.limits);
    State state{.path = {path.scenario_seed, path.limits, {}}};
    for (size_t next = 0;; ++next) {
        Path here = state.path;
        const End* const end = next < path.ends.size() ? &path.ends[next] : nullptr;
        Follower follower(end, world_);
        if (auto failure = live(scenario, std::move(state), follower)) return failure;
        if (end == nullptr) return std::nullopt;
        if (!follower.state())
            return Failure{std::move(here), "the replay never came to the next end: other code?"};
        state = std::move(*follower.state());
        here.ends.push_back(*end);
        state.path = std::move(here);
    }
}

}  // namespace timber::crash
