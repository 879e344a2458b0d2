#include "memtable/snapshot_list.h"

#include <gtest/gtest.h>

namespace timber::memtable {
namespace {

using Sequences = std::vector<Sequence>;

TEST(SnapshotList, HoldsASequenceAsLongAsASnapshotOfItIsHeld) {
    SnapshotList list;
    std::atomic<uint64_t> visible = 5;
    EXPECT_EQ(list.oldest(Sequence(99)), Sequence(99));
    SnapshotRef first = list.create(visible);
    SnapshotRef second = list.create(visible);
    visible = 7;
    SnapshotRef third = list.create(visible);
    EXPECT_EQ(first->sequence(), Sequence(5));
    EXPECT_EQ(third->sequence(), Sequence(7));
    EXPECT_EQ(list.sequences(), Sequences({Sequence(5), Sequence(7)}));
    EXPECT_EQ(list.size(), 3u);
    first.reset();
    EXPECT_EQ(list.sequences(), Sequences({Sequence(5), Sequence(7)}));
    EXPECT_EQ(list.oldest(Sequence(99)), Sequence(5));
    second.reset();
    EXPECT_EQ(list.sequences(), Sequences({Sequence(7)}));
    EXPECT_EQ(list.oldest(Sequence(99)), Sequence(7));
    third.reset();
    EXPECT_EQ(list.sequences(), Sequences());
    EXPECT_EQ(list.size(), 0u);
}

}  // namespace
}  // namespace timber::memtable
