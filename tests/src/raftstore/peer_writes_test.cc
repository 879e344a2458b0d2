// Writes between Raft and the disk, and what becomes of them where there is no room.
#include "src/raftstore/peer_writes.h"

#include <gtest/gtest.h>

namespace timber::raftstore {
namespace {

raft::Write write_of(uint64_t number) {
    raft::Write write;
    write.number = raft::WriteNumber(number);
    raft::Entry entry;
    entry.term = raft::Term(1);
    entry.index = raft::LogIndex(number);
    write.entries.push_back(entry);
    return write;
}

size_t offered(const PeerWrites& writes) { return writes.offer(1 << 20, false).count; }

// The log refuses what waits for a segment while an earlier write is at the disk. Taken back as
// well, the earlier one would be written again after it was durable and applied.
TEST(PeerWrites, ARefusalLeavesEarlierWritesOnTheirWay) {
    PeerWrites writes;
    for (uint64_t number = 1; number <= 3; ++number) {
        writes.add(write_of(number));
        writes.accepted(1);
    }
    writes.refused(1, raft::WriteNumber(2));
    EXPECT_EQ(offered(writes), 0u);
    writes.durable(raft::WriteNumber(1));
    EXPECT_EQ(offered(writes), 0u);
    writes.refused(1, raft::WriteNumber(3));
    ASSERT_EQ(offered(writes), 2u);
    EXPECT_EQ(writes.waiting(0).number.value(), 2u);
    EXPECT_EQ(writes.waiting(1).number.value(), 3u);
    writes.check_invariants();
}

TEST(PeerWrites, RefusedOnesGoBeforeWhatCameMeanwhile) {
    PeerWrites writes;
    writes.add(write_of(1));
    writes.add(write_of(2));
    writes.accepted(2);
    writes.add(write_of(3));
    writes.refused(2, raft::WriteNumber(2));
    ASSERT_EQ(offered(writes), 3u);
    EXPECT_EQ(writes.waiting(0).number.value(), 1u);
}

}  // namespace
}  // namespace timber::raftstore
