// Snapshots: received, sent, and overtaken (dissertation, chapter 5).
#include "tests/raft/raft_fixture.h"

namespace timber::raft::test {
namespace {

using enum Role;

TEST(Snapshots, Restore) {
    TestNode node(paper_config(1), {.voters = {1, 2}});
    TIMBER_MAYBE(node.step(snapshot_message(2, 1, 11, {11, 11}, {1, 2, 3})));
    EXPECT_EQ(node.last(), 11u);
    EXPECT_EQ(node.raft().term_at(LogIndex(11)), Term(11));
    EXPECT_EQ(node.voters(), (std::vector<uint64_t>{1, 2, 3}));
    EXPECT_EQ(node.commit(), 11u);
    EXPECT_EQ(node.applied(), 11u);
}

TEST(Snapshots, AStaleOneIsIgnored) {
    TestNode node(paper_config(1), {.voters = {1, 2}, .log_terms = {1, 1, 1}, .commit = 3});
    const auto answers = node.step(snapshot_message(2, 1, 1, {1, 1}, {1, 2}));
    EXPECT_EQ(node.commit(), 3u);
    EXPECT_EQ(node.last(), 3u);
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0].index, LogIndex(3)) << "what the leader should know instead";
}

TEST(Snapshots, AFollowerBehindTheFirstEntryIsSentOne) {
    TestNode node(paper_config(1), {.voters = {1, 2}});
    TIMBER_MAYBE(node.step(snapshot_message(2, 1, 11, {11, 11}, {1, 2})));
    TIMBER_MAYBE(lead(node));
    Message refusal = acknowledgement(2, 1, 12, 11);
    refusal.reject = true;
    refusal.reject_hint = LogIndex(9);
    node.raft().step(refusal);
    EXPECT_TRUE(propose(node, "a").accepted());
    const auto sent = node.take_outbox();
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0].type, MessageType::kSnapshot);
    EXPECT_EQ(sent[0].snapshot->metadata.index, LogIndex(11));
}

// Whoever holds a snapshot that is not installed yet has promised nothing with it: it asks nobody
// for a vote before it is.
TEST(Snapshots, ACandidateWaitsUntilItsSnapshotIsInstalled) {
    TestNode node(paper_config(1), {.voters = {1, 2}});
    node.raft().step(snapshot_message(2, 1, 11, {11, 11}, {1, 2}));
    EXPECT_EQ(node.raft().campaign(), std::nullopt);
    TIMBER_MAYBE(node.take_ready());
    EXPECT_TRUE(node.take_outbox().empty());
    node.settle();
    EXPECT_EQ(of_type(node.take_outbox(), MessageType::kVote),
              (std::vector<Message>{vote_request(1, 2, 12, {11, 11})}));
}

TEST(Snapshots, TheSenderLeads) {
    TestNode node(paper_config(2), {.voters = {1, 2}});
    TIMBER_MAYBE(node.step(snapshot_message(1, 2, 2, {11, 1}, {1, 2, 3})));
    EXPECT_EQ(node.leader(), 1u);
    EXPECT_EQ(node.term(), 2u);
}

TEST(Snapshots, TheMembersAreReplacedAltogether) {
    TestNode node(paper_config(3), {.voters = {1, 2, 3}});
    TIMBER_MAYBE(node.step(snapshot_message(1, 3, 11, {11, 11}, {2, 3, 4})));
    EXPECT_EQ(node.leader(), 1u);
    EXPECT_EQ(node.voters(), (std::vector<uint64_t>{2, 3, 4}));
}

// The node that took it would belong to a group that can never elect anybody again.
TEST(Snapshots, OneWithoutAVoterIsNonsense) {
    TestNode node(paper_config(1), {.voters = {1, 2}});
    EXPECT_TRUE(node.step(snapshot_message(2, 1, 11, {11, 11}, {})).empty());
    EXPECT_EQ(node.last(), 0u);
    EXPECT_EQ(node.raft().status().messages_ignored, 1u);
}

// What a snapshot names is kept as long as it may be installed, and thrown away if not.
TEST(Snapshots, APendingOneIsSeenUntilItsWriteIsReported) {
    TestNode node(paper_config(1), {.voters = {1, 2}});
    EXPECT_EQ(node.raft().pending_snapshot(), nullptr);
    const Message first = snapshot_message(2, 1, 11, {11, 11}, {1, 2});
    node.raft().step(first);
    EXPECT_EQ(node.raft().pending_snapshot(), first.snapshot);
    TIMBER_MAYBE(node.take_ready());
    EXPECT_EQ(node.writes().back().snapshot, first.snapshot);
    const Message newer = snapshot_message(2, 1, 11, {15, 11}, {1, 2});
    node.raft().step(newer);
    EXPECT_EQ(node.raft().pending_snapshot(), newer.snapshot);
    node.raft().step(first);
    EXPECT_EQ(node.raft().pending_snapshot(), newer.snapshot) << "the old one is not taken again";
    node.settle();
    EXPECT_EQ(node.raft().pending_snapshot(), nullptr);
    EXPECT_EQ(node.last(), 15u);
}

TEST(Snapshots, SlowNodeIsRestored) {
    Group group(3);
    group.elect(1);
    group.isolate(3);
    for (int i = 0; i <= 100; ++i) EXPECT_TRUE(group.propose(1, "a").accepted());
    group[1].compact(LogIndex(group[1].applied()));
    group.heal();
    // It answers the heartbeat, refuses what follows its log, and is sent the snapshot.
    group.beat(1);
    EXPECT_TRUE(group.propose(1, "b").accepted());
    EXPECT_TRUE(group.propose(1, "c").accepted());
    EXPECT_EQ(group[3].commit(), 104u);
    EXPECT_EQ(group[3].state(), group[1].state());
    EXPECT_EQ(group[3].handed_over().size(), 3u) << "one entry before, two after the snapshot";
}

}  // namespace
}  // namespace timber::raft::test
