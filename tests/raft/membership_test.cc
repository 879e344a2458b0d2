// Changes of membership (dissertation, chapter 4).
#include "tests/raft/raft_fixture.h"

namespace timber::raft::test {
namespace {

using enum Role;
using enum ConfChangeType;
using Ids = std::vector<uint64_t>;

TEST(Membership, AddNode) {
    TestNode node(paper_config(1), {.voters = {1}});
    TIMBER_MAYBE(node.raft().apply_conf_change(LogIndex(1), {kAddVoter, NodeId(2)}));
    EXPECT_EQ(node.voters(), (Ids{1, 2}));
}

TEST(Membership, RemoveNode) {
    TestNode node(paper_config(1), {.voters = {1, 2}});
    TIMBER_MAYBE(node.raft().apply_conf_change(LogIndex(1), {kRemove, NodeId(2)}));
    EXPECT_EQ(node.voters(), (Ids{1}));
    TIMBER_MAYBE(node.raft().apply_conf_change(LogIndex(2), {kRemove, NodeId(1)}));
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

static Entry change_entry(uint64_t index, uint64_t term, const ConfChange& change) {
    return {Term(term), LogIndex(index), EntryType::kConfChange, encode_conf_change(change)};
}

// Entry 1 removes 2, entry 3 of the leader's log brings it back, and a snapshot up to 4 comes
// before entry 1 is applied here. What is in force is the snapshot's membership; what is stored
// with the applied index 1, in case the snapshot never becomes durable, is entry 1's.
TEST(Membership, ChangeThatASnapshotPasses_IsAppliedToTheStoredMembersOnly) {
    TestNode node(paper_config(3), {.voters = {1, 2, 3}});
    const ConfChange removal{kRemove, NodeId(2), {}};
    node.raft().step(append(1, 3, 1, {0, 0}, {change_entry(1, 1, removal)}, 1));
    TIMBER_MAYBE(node.take_ready());
    node.persist(1);
    TIMBER_MAYBE(node.take_ready());
    ASSERT_EQ(node.to_apply().size(), 1u);
    node.raft().step(snapshot_message(1, 3, 1, {4, 1}, {1, 2, 3}));
    node.apply(1);
    EXPECT_EQ(node.voters(), (Ids{1, 2, 3}));
    EXPECT_EQ(node.storage().conf.voters, (std::vector{NodeId(1), NodeId(3)}));
    node.settle();
    EXPECT_EQ(node.voters(), (Ids{1, 2, 3}));
    EXPECT_EQ(node.storage().conf.voters, (std::vector{NodeId(1), NodeId(2), NodeId(3)}));
}

// Nobody could take that back.
TEST(Membership, ChangeThatLeavesNoVoter_IsRefused) {
    TestNode node(paper_config(1), {.voters = {1}, .learners = {2}});
    TIMBER_MAYBE(lead(node));
    for (const ConfChangeType type : {kRemove, kAddLearner}) {
        EXPECT_FALSE(node.raft().propose_conf_change({type, NodeId(1), {}}).accepted());
    }
    EXPECT_TRUE(node.raft().propose_conf_change({kRemove, NodeId(2), {}}).accepted());
}

// A member more than any node would take from a message must not stop them all when it is applied.
TEST(Membership, ChangeThatMakesTooManyMembers_IsRefusedAndChangesNothing) {
    Stored stored{.voters = {1}};
    for (uint64_t id = 2; id <= 1024; ++id) stored.learners.push_back(id);
    TestNode node(paper_config(1), stored);
    TIMBER_MAYBE(lead(node));
    const ConfChange change{kAddLearner, NodeId(2000), {}};
    EXPECT_FALSE(node.raft().propose_conf_change(change).accepted());
    EXPECT_TRUE(node.raft().propose_conf_change({kAddVoter, NodeId(2), {}}).accepted());
    EXPECT_EQ(node.raft().apply_conf_change(LogIndex(3), change).learners.size(), 1023u);
}

// With the entry that was proposed after the change a majority has on its disks that the change is
// committed. The node that was removed is needed until then.
TEST(Membership, IsSettledWithTheFirstEntryProposedAfterAChange) {
    Group group(4);
    EXPECT_FALSE(group[1].raft().status().membership_settled);
    group.elect(1);
    EXPECT_TRUE(group[1].raft().status().membership_settled);
    group.isolate(2);
    const Proposed change = group.change(1, kRemove, 4);
    ASSERT_TRUE(change.accepted());
    EXPECT_EQ(group[1].voters(), (Ids{1, 2, 3}));
    EXPECT_FALSE(group[1].raft().status().membership_settled);
    EXPECT_LT(group[3].storage().hard_state().commit, change.first_index);
    EXPECT_TRUE(group.propose(1, "a").accepted());
    EXPECT_TRUE(group[1].raft().status().membership_settled);
    EXPECT_FALSE(group[3].raft().status().membership_settled);
    for (const uint64_t id : {1, 3}) {
        EXPECT_GE(group[id].storage().hard_state().commit, change.first_index);
    }
}

// Node 4 may be a member again in the next moment.
TEST(Membership, IsNotSettledWhileAChangeIsUnderWay) {
    Group group(3);
    group.elect(1);
    ASSERT_TRUE(group.change(1, kRemove, 3).accepted());
    EXPECT_TRUE(group.propose(1, "a").accepted());
    ASSERT_TRUE(group[1].raft().status().membership_settled);
    EXPECT_TRUE(group[1].raft().propose_conf_change({kAddVoter, NodeId(3), {}}).accepted());
    EXPECT_FALSE(group[1].raft().status().membership_settled);
}

// It can propose nothing any more. Its successor can, and tells it then.
TEST(Membership, ALeavingLeaderSettlesNothing) {
    Group group(3);
    group.elect(1);
    group.ignore(MessageType::kAppendResponse);
    group.ignore(MessageType::kHeartbeatResponse);
    ASSERT_TRUE(group.change(1, kRemove, 1).accepted());
    TIMBER_MAYBE(group[1].step(acknowledgement(2, 1, 1, 2)));
    ASSERT_TRUE(group[1].raft().status().leaving);
    EXPECT_FALSE(group[1].raft().status().membership_settled);
}

// Removed, elected all the same because it is needed, and its own return is in its log: what it
// has durable counts at once.
TEST(Membership, LeavingLeaderThatIsBroughtBack_CountsWhatItHolds) {
    TestNode node(paper_config(1), {.voters = {2}});
    node.raft().step(append(2, 1, 1, {0, 0}, {change_entry(1, 1, {kAddVoter, NodeId(1), {}})}));
    node.settle();
    for (int i = 0; i < 200 && node.role() == kFollower; ++i) TIMBER_MAYBE(node.tick());
    ASSERT_EQ(node.role(), kPreCandidate);
    Message grant = message(MessageType::kPreVoteResponse, 2, 1, 2);
    TIMBER_MAYBE(node.step(grant));
    TIMBER_MAYBE(node.step(vote_answer(2, 1, 2, true)));
    ASSERT_EQ(node.role(), kLeader);
    TIMBER_MAYBE(node.step(acknowledgement(2, 1, 2, 2)));
    EXPECT_EQ(node.voters(), (Ids{1, 2}));
    if (node.role() == kLeader) {
        EXPECT_EQ(node.progress(1).match, LogIndex(2));
        node.raft().check_invariants();
    }
}

}  // namespace
}  // namespace timber::raft::test
