#include "tests/sim/check/index_checker.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_set>

#include "src/base/random.h"
#include "tests/sim/check/map_state.h"

namespace timber::sim {

namespace {

// What happened at one place of the log: at most one write, and reads of the state after it.
struct Place {
    uint64_t index = 0;
    const Operation* write = nullptr;
    std::vector<const Operation*> reads{};
};

// A write of unknown outcome and place.
struct Floating {
    const Operation* operation = nullptr;
    // Everything up to this place ended before it began.
    uint64_t floor = 0;
    // Some read saw a value of it, or may have seen a remove of it.
    bool useful = false;
    uint64_t zobrist = 0;
};

class IndexChecker {
  public:
    IndexChecker(const History& history, uint64_t steps_max)
        : history_(history), steps_max_(steps_max) {}

    Verdict run() {
        check_real_time();
        if (verdict_.good) sort_places();
        if (verdict_.good) search(0, MapState(), std::vector<bool>(floating_.size()), 0);
        if (!found_ && verdict_.good) {
            verdict_.good = false;
            verdict_.why = verdict_.exhausted ? "out of steps" : why_;
        }
        verdict_.steps = steps_;
        return verdict_;
    }

  private:
    void fail(std::string why) {
        verdict_.good = false;
        verdict_.why = std::move(why);
    }

    // Walks over all beginnings and ends in order, with the highest place that has ended.
    void check_real_time() {
        struct Moment {
            uint64_t at;
            bool begins;
            const Operation* operation;
        };
        std::vector<Moment> moments;
        for (const Operation& each : history_) {
            moments.push_back({each.begin, true, &each});
            if (!each.unknown()) moments.push_back({each.end, false, &each});
        }
        // At the same time: neither is before the other, so the beginning goes first.
        std::ranges::stable_sort(moments, [](const Moment& a, const Moment& b) {
            return a.at != b.at ? a.at < b.at : a.begins > b.begins;
        });
        uint64_t floor = 0;
        const Operation* highest = nullptr;
        for (const Moment& moment : moments) {
            const Operation& each = *moment.operation;
            if (!moment.begins) {
                if (each.index > floor) {
                    floor = each.index;
                    highest = &each;
                }
            } else if (each.index == 0) {
                if (!each.unknown()) return fail("no place was told: " + describe(each));
                if (each.writes()) floating_.push_back({&each, floor});
            } else if (each.index < floor || (each.writes() && each.index == floor)) {
                return fail("not after what had ended: " + describe(each) +
                            " begins after the end of " + describe(*highest));
            }
        }
    }

    void sort_places() {
        std::map<uint64_t, Place> places;
        std::set<std::pair<std::string, std::string>> seen;
        for (const Operation& each : history_) {
            if (each.index == 0 || (each.unknown() && !each.writes())) continue;
            Place& place = places[each.index];
            place.index = each.index;
            if (!each.writes()) {
                place.reads.push_back(&each);
                if (each.value) seen.emplace(each.key, *each.value);
                seen.insert(each.pairs.begin(), each.pairs.end());
            } else if (place.write != nullptr) {
                return fail("two writes in one place: " + describe(each) + " and " +
                            describe(*place.write));
            } else {
                place.write = &each;
            }
        }
        for (auto& [index, place] : places) places_.push_back(std::move(place));
        Random random(1);
        for (Floating& each : floating_) {
            each.zobrist = random.next();
            each.useful = std::ranges::any_of(each.operation->effects, [&](const Effect& effect) {
                return !effect.value || seen.contains({effect.key, *effect.value});
            });
        }
    }

    bool eligible(size_t f, size_t place, const std::vector<bool>& used) const {
        const uint64_t before = place == 0 ? 0 : places_[place - 1].index;
        return !used[f] && floating_[f].useful && floating_[f].floor <= before;
    }

    static bool writes_key(const Operation* write, const std::string& key) {
        return write != nullptr && std::ranges::any_of(write->effects, [&](const Effect& effect) {
                   return effect.key == key;
               });
    }

    // What the reads of a place see that the state does not have; first one read's, then none.
    std::vector<Effect> differences(const Place& place, const MapState& state) {
        for (const Operation* read : place.reads) {
            auto found = state.differences(*read, 64);
            if (found.empty()) continue;
            why_ = "not explained by what came before: " + describe(*read);
            return found;
        }
        return {};
    }

    void insert(size_t f, size_t place, MapState state, std::vector<bool> used, uint64_t hash) {
        state.apply(floating_[f].operation->effects);
        used[f] = true;
        search(place, std::move(state), std::move(used), hash ^ floating_[f].zobrist);
    }

    // Whether the places from `first` on can be explained, with `used` of the floating writes done.
    // Puts floating writes in only where a read asks for one; those of several keys, which may
    // have been covered in part before they are seen, are also tried earlier.
    void search(size_t first, MapState state, std::vector<bool> used, uint64_t hash) {
        if (!visited_.insert(hash ^ state.hash() ^ (first + 1) * 0x9e3779b97f4a7c15).second) return;
        const bool several = std::ranges::any_of(
            floating_, [](const Floating& each) { return each.operation->effects.size() > 1; });
        const MapState at_first = several ? state : MapState();
        size_t place = first;
        for (; place < places_.size(); ++place) {
            if (++steps_ > steps_max_) {
                verdict_.exhausted = true;
                return;
            }
            const Operation* write = places_[place].write;
            std::vector<Effect> back;
            if (write != nullptr) back = state.apply(write->effects);
            const std::vector<Effect> wanted = differences(places_[place], state);
            if (wanted.empty()) continue;
            state.apply(back);
            try_wanted(wanted, place, state, used, hash);
            break;
        }
        if (place == places_.size()) found_ = true;
        if (!several) return;
        try_earlier(first, place, at_first, used, hash);
    }

    void try_wanted(const std::vector<Effect>& wanted, size_t place, const MapState& state,
                    const std::vector<bool>& used, uint64_t hash) {
        for (const Effect& want : wanted) {
            if (writes_key(places_[place].write, want.key)) continue;
            for (size_t f = 0; f < floating_.size(); ++f) {
                if (found_ || verdict_.exhausted) return;
                if (!eligible(f, place, used)) continue;
                const auto& effects = floating_[f].operation->effects;
                const bool fits = std::ranges::any_of(effects, [&](const Effect& effect) {
                    return effect.key == want.key && effect.value == want.value;
                });
                if (fits) insert(f, place, state, used, hash);
            }
        }
    }

    void try_earlier(size_t first, size_t last, MapState state, const std::vector<bool>& used,
                     uint64_t hash) {
        for (size_t place = first; place <= last && place < places_.size(); ++place) {
            for (size_t f = 0; f < floating_.size(); ++f) {
                if (found_ || verdict_.exhausted) return;
                if (floating_[f].operation->effects.size() < 2) continue;
                if (eligible(f, place, used)) insert(f, place, state, used, hash);
            }
            if (places_[place].write != nullptr) state.apply(places_[place].write->effects);
        }
    }

    const History& history_;
    const uint64_t steps_max_;
    Verdict verdict_;
    std::vector<Place> places_;
    std::vector<Floating> floating_;
    std::unordered_set<uint64_t> visited_;
    std::string why_ = "no order explains it";
    uint64_t steps_ = 0;
    bool found_ = false;
};

}  // namespace

Verdict check_by_index(const History& history, uint64_t steps_max) {
    return IndexChecker(history, steps_max).run();
}

}  // namespace timber::sim
