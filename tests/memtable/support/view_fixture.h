#pragma once
// A view of a seed, with the history that it holds, for reads of it.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/memtable/support/placement.h"

namespace timber::memtable {

struct DrawnView {
    // Anywhere (scatter()) or as a store would have it (Sketch).
    static DrawnView scattered(uint64_t seed, size_t operations_max);
    static DrawnView sketched(uint64_t seed, size_t steps);

    std::string key() { return keys[random.below(keys.size())]; }
    Sequence draw_visible() {
        return random.one_in(3) ? last : Sequence(random.below(last.value() + 1));
    }

    Random random;
    std::unique_ptr<FakeTables> tables;
    std::vector<std::string> keys;
    History history;
    Sequence last;
    ViewRef view;
};

inline DrawnView DrawnView::scattered(uint64_t seed, size_t operations_max) {
    Random random(seed);
    auto tables = std::make_unique<FakeTables>(1 + random.below(4));
    std::vector<std::string> keys = draw_keys(random, 1 + random.below(20));
    const size_t operations = random.below(operations_max + 1);
    History history = draw_history(random, keys, operations, random.one_in(3) ? 0 : 15);
    const Placement placement = scatter(history, random);
    ViewRef view = view_of(placement, Family::kLock, *tables);
    return {random,
            std::move(tables),
            std::move(keys),
            std::move(history),
            Sequence(operations),
            std::move(view)};
}

inline DrawnView DrawnView::sketched(uint64_t seed, size_t steps) {
    Random random(seed);
    auto tables = std::make_unique<FakeTables>(1 + random.below(4));
    std::vector<std::string> keys = draw_keys(random, 2 + random.below(20));
    Sketch sketch(random.next());
    for (size_t i = random.below(steps + 1); i > 0; --i) sketch.step(keys);
    ViewRef view = view_of(sketch.placement(), Family::kLock, *tables);
    return {random,           std::move(tables), std::move(keys),
            sketch.history(), sketch.last(),     std::move(view)};
}

}  // namespace timber::memtable
