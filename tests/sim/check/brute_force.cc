#include "tests/sim/check/brute_force.h"

#include <algorithm>

#include "tests/sim/check/map_state.h"

namespace timber::sim {

namespace {

bool before(const Operation& left, const Operation& right) { return left.end < right.begin; }

// Tries every operation that may come next, as `may_be_next` says.
class Orders {
  public:
    using Rule = bool (*)(const History&, const std::vector<size_t>& order, size_t next);

    Orders(const History& history, Rule may_be_next, bool told_must_happen)
        : history_(history), may_be_next_(may_be_next), told_must_happen_(told_must_happen) {}

    bool try_all() {
        const bool over = std::ranges::all_of(history_, [&](const Operation& each) {
            const bool must = !each.unknown() || (told_must_happen_ && each.index != 0);
            return !must || done(static_cast<size_t>(&each - history_.data()));
        });
        if (over) return true;
        for (size_t i = 0; i < history_.size(); ++i) {
            if (done(i) || !possible_in_time(i) || !may_be_next_(history_, order_, i)) continue;
            if (!history_[i].writes() && !state_.explains(history_[i])) continue;
            const auto back = state_.apply(history_[i].effects);
            order_.push_back(i);
            if (try_all()) return true;
            order_.pop_back();
            state_.apply(back);
        }
        return false;
    }

  private:
    bool done(size_t i) const { return std::ranges::find(order_, i) != order_.end(); }
    bool possible_in_time(size_t i) const {
        for (size_t j = 0; j < history_.size(); ++j) {
            if (!done(j) && j != i && before(history_[j], history_[i])) return false;
        }
        return true;
    }

    const History& history_;
    const Rule may_be_next_;
    const bool told_must_happen_;
    std::vector<size_t> order_;
    MapState state_;
};

bool anything(const History&, const std::vector<size_t>&, size_t) { return true; }

// By place, writes before the reads of their place, and floating ones between the places.
bool next_by_index(const History& history, const std::vector<size_t>& order, size_t next) {
    const Operation& operation = history[next];
    uint64_t reached = 0;
    for (const size_t i : order) reached = std::max(reached, history[i].index);
    if (operation.index == 0) {
        // Not in the middle of a place.
        return std::ranges::all_of(history, [&](const Operation& each) {
            const bool is_done =
                std::ranges::any_of(order, [&](size_t i) { return &history[i] == &each; });
            return each.index != reached || reached == 0 || is_done;
        });
    }
    if (operation.index < reached) return false;
    return std::ranges::all_of(history, [&](const Operation& each) {
        const bool is_done =
            std::ranges::any_of(order, [&](size_t i) { return &history[i] == &each; });
        if (is_done || &each == &operation || each.index == 0) return true;
        if (each.index < operation.index) return false;
        return each.index > operation.index || !each.writes();
    });
}

}  // namespace

bool brute_force_by_search(const History& history) {
    return Orders(history, anything, false).try_all();
}

bool brute_force_by_index(const History& history) {
    for (const Operation& left : history) {
        if (left.index == 0 && !left.unknown()) return false;
        for (const Operation& right : history) {
            if (left.index == 0 || right.index == 0 || &left == &right) continue;
            if (left.writes() && right.writes() && left.index == right.index) return false;
            if (!before(left, right)) continue;
            if (right.index < left.index || (right.writes() && right.index == left.index)) {
                return false;
            }
        }
    }
    return Orders(history, next_by_index, true).try_all();
}

}  // namespace timber::sim
