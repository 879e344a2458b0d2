// Replication among groups (Raft paper, sections 5.3 and 5.4).
#include <string>

#include "tests/raft/raft_fixture.h"

namespace timber::raft::test {
namespace {

using enum Role;

// Payloads of the log, without the entries that open terms.
std::vector<std::string> commands(TestNode& node) {
    std::vector<std::string> found;
    for (const Entry& entry : node.raft().entries(LogIndex(1), LogIndex(node.last() + 1))) {
        if (!entry.payload.empty()) found.emplace_back(entry.payload.text());
    }
    return found;
}

// A leader counts what is durable on its own disk as it counts the others'; not before.
TEST(Replication, ProgressOfTheLeaderItself) {
    TestNode node(paper_config(1), {.voters = {1, 2}});
    TIMBER_MAYBE(lead(node));
    for (uint64_t i = 0; i < 5; ++i) {
        EXPECT_EQ(node.progress(1).match, LogIndex(i + 1));
        EXPECT_EQ(node.progress(1).next, LogIndex(i + 2));
        EXPECT_TRUE(node.raft().propose(Payload::copy_of(std::string_view("a"))).accepted());
        TIMBER_MAYBE(node.take_ready());
        EXPECT_EQ(node.progress(1).match, LogIndex(i + 1)) << "its write is on the way";
        node.settle();
    }
}

TEST(Replication, LeaderElectionOverwritesNewerLogs) {
    Group group(5);
    group.start(1, {.log_terms = {1}});
    group.start(2, {.log_terms = {1}});
    group.start(3, {.log_terms = {2}});
    group.start(4, {.term = 2, .vote = 3});
    group.start(5, {.term = 2, .vote = 3});
    group.campaign(1);
    group.expect_role(1, kFollower, 2);
    group.elect(1);
    group.expect_role(1, kLeader, 3);
    for (uint64_t id = 1; id <= 5; ++id)
        EXPECT_EQ(group[id].log_terms(), (std::vector<uint64_t>{1, 3}));
}

TEST(Replication, OneProposal) {
    Group group(3);
    group.elect(1);
    EXPECT_TRUE(group.propose(1, "a").accepted());
    group.expect_all_logs({1, 1}, 2);
    for (uint64_t id = 1; id <= 3; ++id)
        EXPECT_EQ(commands(group[id]), (std::vector<std::string>{"a"}));
}

TEST(Replication, ProposalsAtTwoLeaders) {
    Group group(3);
    group.elect(1);
    EXPECT_TRUE(group.propose(1, "a").accepted());
    group.elect(2);
    EXPECT_TRUE(group.propose(2, "b").accepted());
    group.expect_all_logs({1, 1, 2, 2}, 4);
    for (uint64_t id = 1; id <= 3; ++id) EXPECT_EQ(group[id].state(), "a b");
}

TEST(Replication, SingleNodeCommits) {
    Group group(1);
    group.elect(1);
    EXPECT_TRUE(group.propose(1, "a").accepted());
    EXPECT_TRUE(group.propose(1, "b").accepted());
    group.expect_log(1, {1, 1, 1}, 3);
}

// The entry that opens a term commits what earlier leaders left.
TEST(Replication, CommitWithoutNewTermEntry) {
    Group group(5);
    group.elect(1);
    for (const uint64_t id : {3, 4, 5}) group.cut(1, id);
    EXPECT_TRUE(group.propose(1, "a").accepted());
    EXPECT_TRUE(group.propose(1, "b").accepted());
    EXPECT_EQ(group[1].commit(), 1u);
    group.heal();
    group.elect(2);
    group.expect_all_logs({1, 1, 1, 2}, 4);
}

TEST(Replication, CommitWithHeartbeat) {
    Group group(5);
    group.elect(1);
    group.isolate(5);
    EXPECT_TRUE(group.propose(1, "a").accepted());
    EXPECT_TRUE(group.propose(1, "b").accepted());
    EXPECT_EQ(group[5].commit(), 1u);
    group.heal();
    group.beat(1);
    EXPECT_EQ(group[5].commit(), 3u);
}

TEST(Replication, DuelingCandidates) {
    Group group(3);
    group.cut(1, 3);
    group.elect(1);
    group.campaign(3);
    group.expect_role(3, kCandidate, 1);
    group.heal();
    group.campaign(3);
    for (uint64_t id = 1; id <= 3; ++id) group.expect_role(id, kFollower, 2);
    group.expect_log(1, {1}, 1);
    group.expect_log(2, {1}, 1);
    group.expect_log(3, {}, 0);
}

// With pre-vote the one whose log is behind raises nobody's term, not even its own.
TEST(Replication, DuelingCandidatesWithPreVote) {
    Group group(3, careful_config);
    group.cut(1, 3);
    group.elect(1);
    group.campaign(3);
    group.heal();
    group.campaign(3);
    group.expect_role(1, kLeader, 1);
    EXPECT_EQ(group[3].term(), 1u);
    group.beat(1);
    group.expect_all_logs({1}, 1);
}

TEST(Replication, CandidateConcedes) {
    Group group(3);
    group.isolate(1);
    group.campaign(1);
    group.elect(3);
    group.heal();
    group.beat(3);
    EXPECT_TRUE(group.propose(3, "force follower").accepted());
    group.beat(3);
    group.expect_role(1, kFollower, 1);
    group.expect_all_logs({1, 1}, 2);
}

TEST(Replication, OldMessages) {
    Group group(3);
    for (const uint64_t next : {1, 2, 1}) group.elect(next);
    group.deliver({append(2, 1, 2, {2, 2}, {entry(3, 2)})});
    EXPECT_TRUE(group.propose(1, "a").accepted());
    group.expect_all_logs({1, 2, 3, 3}, 4);
}

TEST(Replication, Proposal) {
    struct Row {
        uint64_t voters, silent;
        bool quorum;
    };
    for (const Row& row :
         {Row{3, 0, true}, {3, 1, true}, {3, 2, false}, {4, 2, false}, {5, 2, true}}) {
        Group group(row.voters);
        for (uint64_t i = 0; i < row.silent; ++i) group.isolate(row.voters - i);
        EXPECT_EQ(group.propose(1, "too early").refusal, Refusal::kNotLeader);
        group.campaign(1);
        EXPECT_EQ(group.propose(1, "a").accepted(), row.quorum);
        EXPECT_EQ(group[1].term(), 1u);
        const std::vector<uint64_t> terms =
            row.quorum ? std::vector<uint64_t>{1, 1} : std::vector<uint64_t>{};
        for (uint64_t id = 1; id <= row.voters - row.silent; ++id) {
            group.expect_log(id, terms, terms.size());
        }
    }
}

// What a leader of the minority holds is not committed by another leader's heartbeat.
TEST(Replication, HeartbeatCommitsNoMoreThanMatches) {
    struct Row {
        int failed, committed;
    };
    for (const Row& row : {Row{1, 1}, {5, 3}, {5, 10}}) {
        Group group(3);
        group.elect(1);
        group.isolate(1);
        for (int i = 0; i < row.failed; ++i) EXPECT_TRUE(group.propose(1, "lost").accepted());
        group.elect(2);
        for (int i = 0; i < row.committed; ++i) EXPECT_TRUE(group.propose(2, "kept").accepted());
        EXPECT_EQ(group[2].commit(), 2u + static_cast<uint64_t>(row.committed));
        group.heal();
        group.ignore(MessageType::kAppend);
        group.beat(2);
        EXPECT_EQ(group[1].commit(), 1u);
        group.heal();
        group.beat(2);
        group.expect_all_logs(group[2].log_terms(), group[2].commit());
        EXPECT_EQ(group[1].state(), group[2].state());
    }
}

// A follower with an empty log: the leader's first append does not fit, and the answer says how far
// to go back.
TEST(Replication, LeaderIncreasesNext) {
    Group group(2);
    group.start(1, {.log_terms = {1, 1, 1}});
    group.elect(1);
    EXPECT_TRUE(group.propose(1, "a").accepted());
    EXPECT_EQ(group[1].progress(2).next, LogIndex(6));
    group.expect_all_logs({1, 1, 1, 2, 2}, 5);
}

// Figure 7 of the Raft paper: the leader of term 8 brings every kind of log in line.
TEST(Replication, LeaderSyncsFollowerLog) {
    const std::vector<uint64_t> leader_log = {1, 1, 1, 4, 4, 5, 5, 6, 6, 6};
    const std::vector<uint64_t> follower_logs[] = {
        {1, 1, 1, 4, 4, 5, 5, 6, 6},
        {1, 1, 1, 4},
        {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6},
        {1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7},
        {1, 1, 1, 4, 4, 4, 4},
        {1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3},
    };
    for (const std::vector<uint64_t>& follower_log : follower_logs) {
        Group group(3);
        group.start(1, {.log_terms = leader_log, .term = 8, .commit = 10});
        group.start(2, {.log_terms = follower_log, .term = 8});
        group.isolate(3);
        group.campaign(1);
        // The follower may know better and refuse; the third gives the majority.
        group[1].raft().step(vote_answer(3, 1, 9, true));
        group.deliver();
        group.expect_role(1, kLeader, 9);
        EXPECT_TRUE(group.propose(1, "a").accepted());
        std::vector<uint64_t> terms = leader_log;
        terms.insert(terms.end(), {9, 9});
        group.expect_log(1, terms, 12);
        group.expect_log(2, terms, 12);
        EXPECT_EQ(group[2].applied(), 12u);
    }
}

}  // namespace
}  // namespace timber::raft::test
