#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "memtable/snapshot_list.h"

namespace timber::memtable {
namespace {

using Sequences = std::vector<Sequence>;

// A job that finds no snapshot at a sequence drops what only that would see. So nobody may hold
// such a one, who was not in the list, and is not at or behind what was visible before it was
// taken.
TEST(SnapshotList, WhoeverIsNotInTheListSeesAllThatWasVisibleBefore) {
    SnapshotList list;
    std::atomic<uint64_t> visible = 1;
    std::atomic<uint64_t> held = 0;
    std::atomic<bool> done = false;
    std::thread reader([&] {
        while (!done) {
            const SnapshotRef snapshot = list.create(visible);
            held = snapshot->sequence().value();
            held = 0;
        }
    });
    size_t seen = 0;
    for (uint64_t sequence = 2; sequence < 50'000 || seen < 100; ++sequence) {
        visible = sequence;
        const Sequences listed = list.sequences();
        const Sequence reads_at(held.load());
        if (reads_at == Sequence()) continue;
        ++seen;
        const bool is_listed = std::ranges::find(listed, reads_at) != listed.end();
        ASSERT_TRUE(is_listed || reads_at.value() >= sequence);
    }
    done = true;
    reader.join();
    EXPECT_EQ(list.size(), 0u);
}

}  // namespace
}  // namespace timber::memtable
