// Leader election (Raft paper, section 5.2; dissertation, section 3.4).
//
// Tests of one node speak to it as its peers would; tests of a group let it speak for itself.
#include <set>

#include "tests/raft/raft_fixture.h"

namespace timber::raft::test {
namespace {

using enum Role;

const std::vector<uint64_t> kThree = {1, 2, 3};
const std::vector<uint64_t> kFive = {1, 2, 3, 4, 5};

// A node in each role, in `term`; as a leader or a candidate it entered the term by itself.
void bring_to(TestNode& node, Role role) {
    if (role == kFollower) return;
    if (role == kLeader) return TIMBER_MAYBE(lead(node));
    EXPECT_EQ(node.raft().campaign(), std::nullopt);
    node.settle();
    TIMBER_MAYBE(node.take_outbox());
    ASSERT_EQ(node.role(), role);
}

struct Cluster {
    uint64_t voters;
    uint64_t silent;  // the last so many nodes are isolated
    bool elected;
};
const Cluster kClusters[] = {
    {3, 0, true}, {3, 1, true}, {3, 2, false}, {4, 2, false}, {5, 2, true}};

TEST(Election, LeaderElection) {
    for (const Cluster& cluster : kClusters) {
        Group group(cluster.voters);
        for (uint64_t i = 0; i < cluster.silent; ++i) group.isolate(cluster.voters - i);
        group.campaign(1);
        group.expect_role(1, cluster.elected ? kLeader : kCandidate, 1);
    }
}

// With pre-vote who cannot win does not raise its term.
TEST(Election, LeaderElectionWithPreVote) {
    for (const Cluster& cluster : kClusters) {
        Group group(cluster.voters, careful_config);
        for (uint64_t i = 0; i < cluster.silent; ++i) group.isolate(cluster.voters - i);
        group.campaign(1);
        group.expect_role(1, cluster.elected ? kLeader : kPreCandidate, cluster.elected ? 1 : 0);
    }
}

TEST(Election, LeaderCycle) {
    Group group(3);
    for (const uint64_t next : kThree) {
        group.elect(next);
        for (const uint64_t other : kThree) {
            group.expect_role(other, other == next ? kLeader : kFollower, next);
        }
    }
}

TEST(Election, VoteFromAnyState) {
    for (const Role role : {kFollower, kCandidate, kLeader}) {
        TestNode node(paper_config(1), {.voters = kThree, .term = 1});
        bring_to(node, role);
        const uint64_t term = node.term() + 1;
        const auto answers = node.step(vote_request(2, 1, term, {42, term}));
        ASSERT_EQ(answers.size(), 1u) << to_string(role);
        EXPECT_EQ(answers[0], vote_answer(1, 2, term, true));
        EXPECT_EQ(node.role(), kFollower);
        EXPECT_EQ(node.term(), term);
        EXPECT_EQ(node.vote(), 2u);
    }
}

// A candidate of term 2 has no entry of term 3: whoever says so is no candidate.
TEST(Election, AVoteRequestWithAnEntryOfALaterTermIsNonsense) {
    TestNode node(paper_config(1), {.voters = kThree, .term = 1});
    EXPECT_TRUE(node.step(vote_request(2, 1, 2, {42, 3})).empty());
    EXPECT_EQ(node.term(), 1u);
    EXPECT_EQ(node.raft().status().messages_ignored, 1u);
}

TEST(Election, SingleNodeCandidate) {
    Group group(1);
    group.elect(1);
    group.expect_role(1, kLeader, 1);
}

void candidate_of_lower_term_hears(MessageType type) {
    Group group(3);
    group.isolate(3);
    group.elect(2);
    group.elect(1);
    group.campaign(3);
    group.expect_role(1, kLeader, 2);
    group.expect_role(3, kCandidate, 1);
    group.heal();
    group.deliver({message(type, 1, 3, 2)});
    group.expect_role(3, kFollower, 2);
    EXPECT_EQ(group[3].leader(), 1u);
}

TEST(Election, CandidateHearsHeartbeatOfHigherTerm) {
    candidate_of_lower_term_hears(MessageType::kHeartbeat);
}

TEST(Election, CandidateHearsAppendOfHigherTerm) {
    candidate_of_lower_term_hears(MessageType::kAppend);
}

// Node 3 hears nothing and is a candidate of term 3, while node 1 leads term 2; what it sends is
// late, and stays in its outbox.
void node_3_times_out(Group& group) {
    for (const uint64_t id : kThree) group.start(id, {.term = 1});
    group.elect(1);
    while (group[3].role() != kCandidate) {
        group[3].raft().tick();
        group[3].settle();
    }
    group.expect_role(1, kLeader, 2);
    group.expect_role(3, kCandidate, 3);
}

TEST(Election, DisruptiveFollower) {
    Group group(3);
    node_3_times_out(group);
    group.deliver({heartbeat(1, 3, 2)});
    group.expect_role(1, kFollower, 3);
}

// With check-quorum nobody votes while it hears from a leader. Then it is the answer to the late
// heartbeat that makes the leader go, so that the group does not stay apart in two terms.
TEST(Election, DisruptiveFollowerWithCheckQuorum) {
    Group group(3, [](uint64_t id) {
        Config config = careful_config(id);
        config.pre_vote = false;
        return config;
    });
    node_3_times_out(group);
    group.deliver();
    group.expect_role(1, kLeader, 2);
    group.expect_role(2, kFollower, 2);
    group.deliver({heartbeat(1, 3, 2)});
    group.expect_role(1, kFollower, 3);
}

// With pre-vote it does not come to that.
TEST(Election, NoDisruptionWithPreVote) {
    Group group(3, careful_config);
    for (const uint64_t id : kThree) group.start(id, {.term = 1});
    group.elect(1);
    group.tick(3, 40);
    group.expect_role(3, kPreCandidate, 2);
    group.expect_role(1, kLeader, 2);
    group.beat(1);
    group.expect_led_by(1, 3);
}

// The local beat of a leader is a tick here.
TEST(Election, OnlyALeaderBeats) {
    for (const Role role : {kFollower, kCandidate, kLeader}) {
        TestNode node(paper_config(1), {.voters = kThree, .term = 1});
        bring_to(node, role);
        const auto beats = node.tick();
        EXPECT_EQ(beats.size(), role == kLeader ? 2u : 0u) << to_string(role);
        EXPECT_EQ(of_type(beats, MessageType::kHeartbeat).size(), beats.size());
    }
}

TEST(Election, CampaignWhileLeader) {
    Group group(1);
    group.elect(1);
    EXPECT_EQ(group[1].raft().campaign(), Refusal::kAlreadyLeader);
    group.deliver();
    group.expect_role(1, kLeader, 1);
}

TEST(Election, SplitVote) {
    Group group(3);
    for (const uint64_t id : kThree) group.start(id, {.term = 1});
    group.elect(1);
    group.isolate(1);
    EXPECT_EQ(group[2].raft().campaign(), std::nullopt);
    EXPECT_EQ(group[3].raft().campaign(), std::nullopt);
    group.deliver();
    group.expect_role(2, kCandidate, 3);
    group.expect_role(3, kCandidate, 3);
    group.elect(2);
    group.expect_role(2, kLeader, 4);
    group.expect_role(3, kFollower, 4);
}

void updates_term_from_message(Role role) {
    TestNode node(paper_config(1), {.voters = kThree, .term = role == kFollower ? 1u : 0u});
    bring_to(node, role);
    ASSERT_EQ(node.term(), 1u);
    EXPECT_TRUE(node.step(append(0, 1, 2, {})).empty()) << "nobody's message";
    EXPECT_EQ(node.term(), 1u);
    TIMBER_MAYBE(node.step(append(2, 1, 2, {})));
    EXPECT_EQ(node.term(), 2u);
    EXPECT_EQ(node.role(), kFollower);
}

TEST(Election, FollowerUpdatesTermFromMessage) { updates_term_from_message(kFollower); }

TEST(Election, CandidateUpdatesTermFromMessage) { updates_term_from_message(kCandidate); }

TEST(Election, LeaderUpdatesTermFromMessage) { updates_term_from_message(kLeader); }

TEST(Election, StartsAsFollower) {
    TestNode node(paper_config(1), {.voters = kThree});
    EXPECT_EQ(node.role(), kFollower);
    EXPECT_EQ(node.leader(), 0u);
}

TEST(Election, LeaderBroadcastsHeartbeats) {
    TestNode node(paper_config(1), {.voters = kThree});
    TIMBER_MAYBE(lead(node));
    EXPECT_TRUE(propose(node, "a").accepted());
    TIMBER_MAYBE(node.take_outbox());
    const auto beats = node.tick();
    ASSERT_EQ(beats.size(), 2u);
    for (const uint64_t to : {2, 3}) {
        Message expected = heartbeat(1, to, 1);
        expected.round = 1;
        EXPECT_EQ(beats[to - 2], expected);
    }
}

void starts_one_election_in_19_ticks(Role role) {
    for (uint64_t seed = 1; seed <= 50; ++seed) {
        Config config = paper_config(1);
        config.seed = seed;
        TestNode node(config, {.voters = kThree, .term = role == kFollower ? 1u : 0u});
        bring_to(node, role);
        const auto asked = node.tick(19);
        EXPECT_EQ(node.role(), kCandidate);
        EXPECT_EQ(node.term(), 2u);
        EXPECT_EQ(node.vote(), 1u);
        ASSERT_EQ(asked.size(), 2u);
        EXPECT_EQ(asked[0], vote_request(1, 2, 2, {}));
        EXPECT_EQ(asked[1], vote_request(1, 3, 2, {}));
    }
}

TEST(Election, FollowerStartsElection) { starts_one_election_in_19_ticks(kFollower); }

TEST(Election, CandidateStartsNewElection) { starts_one_election_in_19_ticks(kCandidate); }

TEST(Election, LeaderElectionInOneRound) {
    struct Row {
        uint64_t voters;
        std::vector<uint64_t> granting;
        std::vector<uint64_t> refusing;
        Role role;
    };
    const Row rows[] = {
        {1, {}, {}, kLeader},
        {3, {2, 3}, {}, kLeader},
        {3, {2}, {}, kLeader},
        {5, {2, 3, 4, 5}, {}, kLeader},
        {5, {2, 3, 4}, {}, kLeader},
        {5, {2, 3}, {}, kLeader},
        {3, {}, {}, kCandidate},
        {5, {2}, {}, kCandidate},
        {5, {}, {2, 3}, kCandidate},
        {5, {}, {}, kCandidate},
        // A majority against it sends the candidate back.
        {3, {}, {2, 3}, kFollower},
        {5, {}, {2, 3, 4, 5}, kFollower},
        {5, {2}, {3, 4, 5}, kFollower},
    };
    for (const Row& row : rows) {
        Stored stored;
        for (uint64_t id = 1; id <= row.voters; ++id) stored.voters.push_back(id);
        TestNode node(paper_config(1), stored);
        EXPECT_EQ(node.raft().campaign(), std::nullopt);
        node.settle();
        for (const uint64_t from : row.granting) node.step(vote_answer(from, 1, 1, true));
        for (const uint64_t from : row.refusing) node.step(vote_answer(from, 1, 1, false));
        EXPECT_EQ(to_string(node.role()), to_string(row.role)) << row.voters << " voters";
        EXPECT_EQ(node.term(), 1u);
    }
}

TEST(Election, FollowerVotesOncePerTerm) {
    struct Row {
        uint64_t vote, asked_by;
        bool granted;
    };
    const Row rows[] = {{0, 2, true}, {0, 3, true},  {2, 2, true},
                        {3, 3, true}, {2, 3, false}, {3, 2, false}};
    for (const Row& row : rows) {
        TestNode node(paper_config(1), {.voters = kThree, .term = 1, .vote = row.vote});
        const auto answers = node.step(vote_request(row.asked_by, 1, 1, {}));
        ASSERT_EQ(answers.size(), 1u);
        EXPECT_EQ(answers[0], vote_answer(1, row.asked_by, 1, row.granted));
    }
}

TEST(Election, CandidateFallsBack) {
    for (const uint64_t term : {1, 2}) {
        TestNode node(paper_config(1), {.voters = kThree});
        bring_to(node, kCandidate);
        TIMBER_MAYBE(node.step(append(2, 1, term, {})));
        EXPECT_EQ(node.role(), kFollower);
        EXPECT_EQ(node.term(), term);
        EXPECT_EQ(node.leader(), 2u);
    }
}

// Enters the role anew, in the next term, with a fresh timer.
void enter_again(TestNode& node, Role role) {
    if (role == kFollower) {
        node.step(heartbeat(2, node.id().value() == 2 ? 3 : node.id().value(), node.term() + 1));
    } else {
        EXPECT_EQ(node.raft().campaign(), std::nullopt);
        node.settle();
    }
    TIMBER_MAYBE(node.take_outbox());
}

size_t ticks_to_election(TestNode& node) {
    size_t ticks = 1;
    while (node.tick().empty()) ++ticks;
    return ticks;
}

void draws_every_timeout(Role role) {
    TestNode node(paper_config(1), {.voters = kThree});
    std::set<size_t> seen;
    for (int round = 0; round < 500; ++round) {
        enter_again(node, role);
        seen.insert(ticks_to_election(node));
    }
    std::set<size_t> expected;
    for (size_t ticks = 10; ticks < 20; ++ticks) expected.insert(ticks);
    EXPECT_EQ(seen, expected);
}

TEST(Election, FollowerTimeoutIsRandomized) { draws_every_timeout(kFollower); }

TEST(Election, CandidateTimeoutIsRandomized) { draws_every_timeout(kCandidate); }

// Ten timeouts, five nodes: by chance two of them share the first in 23 % of all rounds.
void timeouts_seldom_conflict(Role role) {
    std::vector<std::unique_ptr<TestNode>> nodes;
    for (const uint64_t id : {1, 3, 4, 5, 6}) {
        nodes.push_back(
            std::make_unique<TestNode>(paper_config(id), Stored{.voters = {1, 2, 3, 4, 5, 6}}));
    }
    int conflicts = 0;
    for (int round = 0; round < 1000; ++round) {
        for (auto& node : nodes) enter_again(*node, role);
        size_t campaigning = 0;
        while (campaigning == 0) {
            for (auto& node : nodes) campaigning += !node->tick().empty();
        }
        conflicts += campaigning > 1;
    }
    EXPECT_LE(conflicts, 300);
    EXPECT_GE(conflicts, 150);
}

TEST(Election, FollowersTimeoutsSeldomConflict) { timeouts_seldom_conflict(kFollower); }

TEST(Election, CandidatesTimeoutsSeldomConflict) { timeouts_seldom_conflict(kCandidate); }

}  // namespace
}  // namespace timber::raft::test
