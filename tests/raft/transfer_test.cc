// Handing leadership over (dissertation, section 3.10).
#include "tests/raft/raft_fixture.h"

namespace timber::raft::test {
namespace {

using enum Role;

// Node 1 leads three nodes.
class Transfer : public testing::TestWithParam<bool> {
  protected:
    Transfer() : group(3, GetParam() ? careful_config : paper_config) { group.elect(1); }
    Group group;
};
std::string protocol_name(const testing::TestParamInfo<bool>& protocol) {
    return protocol.param ? "careful" : "paper";
}
INSTANTIATE_TEST_SUITE_P(Protocol, Transfer, testing::Bool(), protocol_name);

TEST_P(Transfer, ToUpToDateNode) {
    EXPECT_EQ(group.transfer(1, 2), std::nullopt);
    group.expect_led_by(2, 1);
    EXPECT_TRUE(group.propose(2, "a").accepted());
    EXPECT_EQ(group.transfer(2, 1), std::nullopt);
    group.expect_led_by(1, 2);
}

TEST_P(Transfer, ToUpToDateNodeFromFollower) {
    EXPECT_EQ(group.transfer(2, 2), std::nullopt);
    group.expect_led_by(2, 1);
    EXPECT_TRUE(group.propose(2, "a").accepted());
    EXPECT_EQ(group.transfer(1, 1), std::nullopt);
    group.expect_led_by(1, 2);
    EXPECT_EQ(group.transfer(3, 2), std::nullopt);
    group.expect_led_by(2, 3);
}

TEST_P(Transfer, ToSlowFollower) {
    group.isolate(3);
    EXPECT_TRUE(group.propose(1, "a").accepted());
    EXPECT_EQ(group[1].progress(3).match, LogIndex(1));
    group.heal();
    EXPECT_EQ(group.transfer(1, 3), std::nullopt);
    // What it lacks was sent once and lost; the answer to a heartbeat brings it out again.
    group.beat(1);
    group.expect_led_by(3, 1);
    EXPECT_EQ(group[3].state(), "a");
}

TEST_P(Transfer, AfterSnapshot) {
    group.isolate(3);
    EXPECT_TRUE(group.propose(1, "a").accepted());
    group[1].compact(LogIndex(group[1].applied()));
    group.heal();
    EXPECT_EQ(group.transfer(1, 3), std::nullopt);
    group.beat(1);
    group.expect_led_by(3, 1);
    EXPECT_EQ(group[3].state(), "a");
}

TEST_P(Transfer, ToSelf) {
    EXPECT_EQ(group.transfer(1, 1), Refusal::kAlreadyLeader);
    group.expect_role(1, kLeader, 1);
}

TEST_P(Transfer, ToNonExistingNode) {
    EXPECT_EQ(group.transfer(1, 4), Refusal::kUnknownNode);
    group.expect_role(1, kLeader, 1);
    EXPECT_TRUE(group.propose(1, "a").accepted());
}

TEST_P(Transfer, RefusesProposalsMeanwhile) {
    group.isolate(3);
    EXPECT_EQ(group.transfer(1, 3), std::nullopt);
    EXPECT_EQ(group[1].raft().status().transferee, NodeId(3));
    EXPECT_EQ(group.propose(1, "a").refusal, Refusal::kTransferPending);
    EXPECT_EQ(group[1].last(), 1u);
}

// A transfer under way does not keep a later term off; with check-quorum the voters' promise does.
TEST_P(Transfer, HigherTermVote) {
    group.isolate(3);
    EXPECT_EQ(group.transfer(1, 3), std::nullopt);
    group.campaign(2);
    if (GetParam()) return group.expect_role(1, kLeader, 1);
    group.expect_led_by(2, 1);
    group.expect_role(2, kLeader, 2);
}

TEST_P(Transfer, TransfereeIsRemoved) {
    group.isolate(3);
    EXPECT_EQ(group.transfer(1, 3), std::nullopt);
    TIMBER_MAYBE(
        group[1].raft().apply_conf_change(LogIndex(1), {ConfChangeType::kRemove, NodeId(3)}));
    group.deliver();
    group.expect_role(1, kLeader, 1);
    EXPECT_EQ(group[1].raft().status().transferee, kNobody);
    EXPECT_TRUE(group.propose(1, "a").accepted());
}

TEST_P(Transfer, BackToTheLeader) {
    group.isolate(3);
    EXPECT_EQ(group.transfer(1, 3), std::nullopt);
    EXPECT_EQ(group.transfer(1, 1), Refusal::kAlreadyLeader);
    group.expect_role(1, kLeader, 1);
    EXPECT_EQ(group[1].raft().status().transferee, kNobody);
}

TEST_P(Transfer, ToAnotherNode) {
    group.isolate(3);
    EXPECT_EQ(group.transfer(1, 3), std::nullopt);
    EXPECT_EQ(group.transfer(1, 2), std::nullopt);
    group.expect_led_by(2, 1);
}

TEST_P(Transfer, IsGivenUpAfterAnElectionTimeout) {
    group.isolate(3);
    EXPECT_EQ(group.transfer(1, 3), std::nullopt);
    group.tick(1, 9);
    EXPECT_EQ(group.propose(1, "a").refusal, Refusal::kTransferPending);
    group.tick(1);
    EXPECT_TRUE(group.propose(1, "a").accepted());
}

// The disk of 1 stands still, and so does that of 2, which therefore does not campaign. 3 does.
TEST_P(Transfer, HandOver_AsksAnotherWhenTheFirstDoesNotTakeOver) {
    group[2].raft().report_own_disk(true);
    group[1].raft().report_own_disk(true);
    group.deliver();
    EXPECT_EQ(group[1].raft().status().transferee, NodeId(2));
    group.tick(1, 11);
    group.expect_led_by(3, 1);
}

}  // namespace
}  // namespace timber::raft::test
