// What a node does while its storage does not answer: nothing that it would have to guess, and
// nothing for ever.
#include "tests/raft/raft_fixture.h"

namespace timber::raft::test {
namespace {

using enum Role;

// A node whose entries are on the disk alone, with nothing of them in memory.
Stored restarted(std::vector<uint64_t> log_terms, uint64_t commit) {
    return {.voters = {1, 2, 3}, .log_terms = std::move(log_terms), .commit = commit};
}

TEST(Storage, CommittedEntriesThatCannotBeRead_AreAskedForOnceATick) {
    TestNode node(paper_config(1), restarted({1, 1}, 2));
    node.storage().unreadable = true;
    ASSERT_TRUE(node.raft().has_ready());
    EXPECT_TRUE(node.take_ready().committed.empty());
    EXPECT_FALSE(node.raft().has_ready()) << "the driver would turn in a circle";
    node.storage().unreadable = false;
    EXPECT_FALSE(node.raft().has_ready());
    node.raft().tick();
    EXPECT_EQ(node.take_ready().committed.size(), 2u);
}

// Entry 3 is acknowledged; whether the snapshot up to 2 agrees with it cannot be looked up. Taking
// the snapshot instead of the log would lose it.
TEST(Storage, SnapshotOfAPlaceThatCannotBeRead_TakesNothingAway) {
    TestNode node(paper_config(1), restarted({1, 1, 1}, 0));
    node.storage().unreadable = true;
    const Message snapshot = snapshot_message(2, 1, 1, {2, 1}, {1, 2, 3});
    EXPECT_TRUE(node.step(snapshot).empty()) << "as if it were lost";
    EXPECT_EQ(node.last(), 3u);
    node.storage().unreadable = false;
    const auto answers = node.step(snapshot);
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0].index, LogIndex(2));
    EXPECT_EQ(node.last(), 3u);
}

TEST(Storage, AppendAfterAPlaceThatCannotBeRead_IsNotAnswered) {
    TestNode node(paper_config(1), restarted({1, 1}, 0));
    node.storage().unreadable = true;
    EXPECT_TRUE(node.step(append(2, 1, 1, {2, 1}, {entry(3, 1)})).empty());
    node.storage().unreadable = false;
    EXPECT_EQ(node.step(append(2, 1, 1, {2, 1}, {entry(3, 1)})).size(), 1u);
}

}  // namespace
}  // namespace timber::raft::test
