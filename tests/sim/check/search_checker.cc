#include "tests/sim/check/search_checker.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <unordered_set>
#include <utility>

#include "src/base/random.h"
#include "tests/sim/check/map_state.h"

namespace timber::sim {

namespace {

// --- Parts ---

// Keys tied together, by union-find.
class KeyGroups {
  public:
    explicit KeyGroups(const History& history) {
        for (const Operation& each : history) {
            for (const Effect& effect : each.effects) add(effect.key);
            if (each.kind == Operation::Kind::kGet) add(each.key);
            for (const auto& [key, value] : each.pairs) add(key);
        }
        for (const Operation& each : history) {
            for (const Effect& effect : each.effects) tie(each.effects.front().key, effect.key);
            if (each.kind != Operation::Kind::kScan) continue;
            const auto first = parents_.lower_bound(each.key);
            for (auto key = first; key != parents_.end() && key->first < each.end_key; ++key) {
                tie(first->first, key->first);
            }
        }
    }

    // The part an operation belongs to; a scan of nothing to none.
    std::string part_of(const Operation& operation) {
        if (!operation.effects.empty()) return find(operation.effects.front().key);
        if (operation.kind == Operation::Kind::kGet) return find(operation.key);
        const auto key = parents_.lower_bound(operation.key);
        if (key == parents_.end() || key->first >= operation.end_key) return {};
        return find(key->first);
    }

  private:
    void add(const std::string& key) { parents_.emplace(key, key); }
    std::string find(const std::string& key) {
        std::string& parent = parents_.at(key);
        if (parent != key) parent = find(parent);
        return parent;
    }
    void tie(const std::string& left, const std::string& right) {
        parents_[find(left)] = find(right);
    }

    std::map<std::string, std::string> parents_;
};

// --- The search in one part ---

class PartSearch {
  public:
    PartSearch(std::vector<const Operation*> operations, uint64_t steps_max)
        : operations_(std::move(operations)), steps_max_(steps_max) {
        std::ranges::stable_sort(operations_, {}, &Operation::begin);
        Random random(1);
        for (const Operation* each : operations_) {
            zobrist_.push_back(random.next());
            known_left_ += each->unknown() ? 0 : 1;
        }
        done_.resize(operations_.size());
        find_twins();
    }

    Verdict run() {
        std::vector<Frame> frames;
        frames.push_back({candidates()});
        while (known_left_ > 0) {
            Frame& frame = frames.back();
            if (frame.next == frame.candidates.size()) {
                if (frames.size() == 1) return bad();
                frames.pop_back();
                take_back(frames.back());
                continue;
            }
            if (++steps_ > steps_max_) return {false, true, "out of steps", steps_};
            const size_t candidate = frame.candidates[frame.next++];
            if (!take(candidate, frame)) continue;
            if (!visited_.insert(hash_ ^ state_.hash()).second) {
                take_back(frame);
                continue;
            }
            frames.push_back({candidates()});
        }
        return {true, false, "", steps_};
    }

  private:
    struct Frame {
        std::vector<size_t> candidates;
        size_t next = 0;
        std::vector<Effect> back{};  // undoes what was taken
    };

    // Writes of unknown outcome that do the same can stand for each other, and the one that began
    // first can stand wherever another can: so they are taken in that order. Without this, each
    // set of so many of them would be a state of its own.
    void find_twins() {
        twin_before_.assign(operations_.size(), kNone);
        std::map<std::pair<std::string, std::optional<std::string>>, size_t> last;
        for (size_t i = 0; i < operations_.size(); ++i) {
            const Operation& each = *operations_[i];
            if (!each.unknown() || each.effects.size() != 1) continue;
            const auto [place, is_first] =
                last.try_emplace({each.effects[0].key, each.effects[0].value}, i);
            if (!is_first) twin_before_[i] = std::exchange(place->second, i);
        }
    }
    bool waits_for_twin(size_t i) const {
        return twin_before_[i] != kNone && !done_[twin_before_[i]];
    }

    // What may come next: whatever began before the first end among what is left. Known ones first.
    std::vector<size_t> candidates() {
        while (first_left_ < done_.size() && done_[first_left_]) ++first_left_;
        uint64_t first_end = Operation::kNever;
        std::vector<size_t> known, unknown;
        for (size_t i = first_left_; i < operations_.size(); ++i) {
            if (operations_[i]->begin > first_end) break;
            if (done_[i]) continue;
            first_end = std::min(first_end, operations_[i]->end);
            (operations_[i]->unknown() ? unknown : known).push_back(i);
        }
        std::erase_if(known, [&](size_t i) { return operations_[i]->begin > first_end; });
        std::erase_if(unknown, [&](size_t i) {
            return operations_[i]->begin > first_end || waits_for_twin(i) ||
                   !worth_trying(*operations_[i], known);
        });
        std::ranges::stable_sort(known, {}, [&](size_t i) { return operations_[i]->end; });
        known.insert(known.end(), unknown.begin(), unknown.end());
        return known;
    }

    bool worth_trying(const Operation& write, const std::vector<size_t>& known) const {
        if (!write.writes()) return false;
        if (write.effects.size() != 1) return true;
        const Effect& effect = write.effects.front();
        // What changes nothing now may as well never happen.
        const std::string* now = state_.find(effect.key);
        if (now == nullptr ? !effect.value : effect.value == *now) return false;
        return std::ranges::any_of(known, [&](size_t i) { return sees(*operations_[i], effect); });
    }

    // Whether `read` may see this effect, rather than nothing of it.
    static bool sees(const Operation& read, const Effect& effect) {
        if (read.kind == Operation::Kind::kGet) {
            return read.key == effect.key && read.value == effect.value;
        }
        if (read.kind != Operation::Kind::kScan) return false;
        if (effect.key < read.key || effect.key >= read.end_key) return false;
        const auto pair =
            std::ranges::find(read.pairs, effect.key, &std::pair<std::string, std::string>::first);
        if (!effect.value) return pair == read.pairs.end();
        return pair != read.pairs.end() && pair->second == *effect.value;
    }

    bool take(size_t i, Frame& frame) {
        const Operation& operation = *operations_[i];
        if (operation.writes()) {
            frame.back = state_.apply(operation.effects);
        } else {
            if (!state_.explains(operation)) return note(operation);
            frame.back.clear();
        }
        done_[i] = true;
        hash_ ^= zobrist_[i];
        first_left_ = std::min(first_left_, i);
        if (!operation.unknown() && --known_left_ < known_left_least_) {
            known_left_least_ = known_left_;
            stuck_.clear();
        }
        return true;
    }

    void take_back(Frame& frame) {
        const size_t i = frame.candidates[frame.next - 1];
        state_.apply(frame.back);
        done_[i] = false;
        hash_ ^= zobrist_[i];
        first_left_ = std::min(first_left_, i);
        if (!operations_[i]->unknown()) ++known_left_;
    }

    // For people: which read stood in the way where the search had got furthest.
    bool note(const Operation& read) {
        if (known_left_ == known_left_least_ && stuck_.empty()) stuck_ = describe(read);
        return false;
    }

    Verdict bad() const { return {false, false, "no order explains it, near " + stuck_, steps_}; }

    static constexpr size_t kNone = std::numeric_limits<size_t>::max();

    std::vector<const Operation*> operations_;
    std::vector<size_t> twin_before_;  // kNone: there is none
    const uint64_t steps_max_;
    std::vector<uint64_t> zobrist_;
    std::vector<bool> done_;
    size_t first_left_ = 0;  // everything before it is done
    size_t known_left_ = 0;
    size_t known_left_least_ = std::numeric_limits<size_t>::max();
    std::string stuck_;
    MapState state_;
    uint64_t hash_ = 0;
    std::unordered_set<uint64_t> visited_;
    uint64_t steps_ = 0;
};

// A write of unknown outcome that puts something which no read saw, and nothing else, changes
// nothing that anybody could tell.
bool worth_keeping(const Operation& operation,
                   const std::set<std::pair<std::string, std::string>>& seen) {
    if (!operation.unknown()) return true;
    return operation.writes() && std::ranges::any_of(operation.effects, [&](const Effect& effect) {
               return !effect.value || seen.contains({effect.key, *effect.value});
           });
}

}  // namespace

Verdict check_by_search(const History& history, uint64_t steps_max) {
    std::set<std::pair<std::string, std::string>> seen;
    for (const Operation& each : history) {
        if (each.value) seen.emplace(each.key, *each.value);
        seen.insert(each.pairs.begin(), each.pairs.end());
    }
    KeyGroups groups(history);
    std::map<std::string, std::vector<const Operation*>> parts;
    for (const Operation& each : history) {
        if (worth_keeping(each, seen)) parts[groups.part_of(each)].push_back(&each);
    }
    Verdict verdict;
    for (auto& [key, operations] : parts) {
        Verdict part = PartSearch(std::move(operations), steps_max - verdict.steps).run();
        part.steps += verdict.steps;
        verdict = std::move(part);
        if (!verdict.good) break;
    }
    return verdict;
}

}  // namespace timber::sim
