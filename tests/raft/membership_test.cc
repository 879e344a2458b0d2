// Changes of membership (dissertation, chapter 4).
#include "tests/raft/raft_fixture.h"

namespace timber::raft::test {
namespace {

using enum Role;
using enum ConfChangeType;
using Ids = std::vector<uint64_t>;

TEST(Membership, AddNode) {
    TestNode node(paper_config(1), {.voters = {1}});
    TIMBER_MAYBE(node.raft().apply_conf_change({kAddVoter, NodeId(2)}));
    EXPECT_EQ(node.voters(), (Ids{1, 2}));
}

TEST(Membership, RemoveNode) {
    TestNode node(paper_config(1), {.voters = {1, 2}});
    TIMBER_MAYBE(node.raft().apply_conf_change({kRemove, NodeId(2)}));
    EXPECT_EQ(node.voters(), (Ids{1}));
    TIMBER_MAYBE(node.raft().apply_conf_change({kRemove, NodeId(1)}));
    EXPECT_EQ(node.voters(), Ids{});
    EXPECT_EQ(node.raft().campaign(), Refusal::kNotVoter);
    node.raft().check_invariants();
}

// With the removal the leader alone is the majority, and what waited for 2 is committed.
TEST(Membership, CommitAfterRemoveNode) {
    TestNode node(paper_config(1), {.voters = {1, 2}});
    TIMBER_MAYBE(lead(node));
    acknowledge_all(node);
    EXPECT_TRUE(node.raft().propose_conf_change({kRemove, NodeId(2)}).accepted());
    EXPECT_TRUE(propose(node, "hello").accepted());
    node.raft().step(acknowledgement(2, 1, 1, 2));
    TIMBER_MAYBE(node.take_ready());
    EXPECT_EQ(node.commit(), 2u);
    ASSERT_EQ(node.to_apply().size(), 1u);
    EXPECT_EQ(node.to_apply()[0].type, EntryType::kConfChange);
    node.apply(1);
    EXPECT_EQ(node.commit(), 3u);
    node.settle();
    EXPECT_EQ(node.state(), "hello");
}

// Whoever is no member is neither ordered nor elected to lead.
TEST(Membership, ANonMemberDoesNotCampaign) {
    TestNode node(paper_config(1), {.voters = {2, 3, 4}});
    TIMBER_MAYBE(node.step(message(MessageType::kTimeoutNow, 2, 1, 1)));
    TIMBER_MAYBE(node.step(vote_answer(2, 1, 1, true)));
    TIMBER_MAYBE(node.step(vote_answer(3, 1, 1, true)));
    EXPECT_EQ(node.role(), kFollower);
}

TEST(Membership, ProposeAndConfChange) {
    TestNode node(paper_config(1), {.voters = {1}});
    EXPECT_FALSE(node.raft().has_ready());
    EXPECT_EQ(node.raft().campaign(), std::nullopt);
    node.settle();
    EXPECT_EQ(node.leader(), 1u);
    EXPECT_TRUE(node.raft().propose(Payload::copy_of(std::string_view("somedata"))).accepted());
    const ConfChange change{kAddVoter, NodeId(1), Payload()};
    EXPECT_TRUE(node.raft().propose_conf_change(change).accepted());
    node.settle();
    const std::vector<Entry> tail = node.raft().entries(LogIndex(2), LogIndex(4));
    ASSERT_EQ(tail.size(), 2u);
    EXPECT_EQ(tail[0], entry(2, 1, "somedata"));
    EXPECT_EQ(tail[1].type, EntryType::kConfChange);
    EXPECT_EQ(tail[1].payload, encode_conf_change(change));
    EXPECT_EQ(decode_conf_change(tail[1].payload).value(), change);
}

// Each is applied before the next is proposed, and one at its own index is enough.
TEST(Membership, ProposeAddDuplicateNode) {
    TestNode node(paper_config(1), {.voters = {1}});
    TIMBER_MAYBE(lead(node));
    const ConfChange changes[] = {
        {kAddVoter, NodeId(1), {}}, {kAddVoter, NodeId(1), {}}, {kAddVoter, NodeId(2), {}}};
    for (const ConfChange& change : changes) {
        EXPECT_TRUE(node.raft().propose_conf_change(change).accepted());
        EXPECT_EQ(node.raft().propose_conf_change(change).refusal, Refusal::kMembershipBusy);
        node.settle();
    }
    EXPECT_EQ(node.voters(), (Ids{1, 2}));
    for (uint64_t i = 0; i < 3; ++i) {
        const std::vector<Entry> found = node.raft().entries(LogIndex(2 + i), LogIndex(3 + i));
        ASSERT_EQ(found.size(), 1u);
        EXPECT_EQ(found[0].payload, encode_conf_change(changes[i]));
    }
}

// A change that an earlier leader left in the log may yet commit, so a new leader takes none before
// an entry of its own is applied.
TEST(Membership, NoChangeBeforeTheLeadersFirstEntryIsApplied) {
    TestNode node(paper_config(1), {.voters = {1, 2, 3}});
    TIMBER_MAYBE(lead(node));
    EXPECT_EQ(node.raft().propose_conf_change({kAddVoter, NodeId(4)}).refusal,
              Refusal::kMembershipBusy);
    acknowledge_all(node);
    EXPECT_TRUE(node.raft().propose_conf_change({kAddVoter, NodeId(4)}).accepted());
}

}  // namespace
}  // namespace timber::raft::test
