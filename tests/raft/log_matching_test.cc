// What one node answers to appends and to requests for votes, and what a leader does with the
// answers (Raft paper, sections 5.3 and 5.4.1).
#include <algorithm>

#include "tests/raft/raft_fixture.h"

namespace timber::raft::test {
namespace {

using enum Role;

const std::vector<uint64_t> kThreeNodes = {1, 2, 3};

TEST(LogMatching, AppendTable) {
    struct Row {
        Place previous;
        uint64_t leader_commit;
        std::vector<Entry> entries;
        uint64_t last, commit;
        bool rejected;
    };
    // The log is (1, term 1), (2, term 2).
    const Row rows[] = {
        // The entry before is another one, or missing.
        {{2, 3}, 3, {}, 2, 0, true},
        {{3, 3}, 3, {}, 2, 0, true},
        // It fits; a conflict cuts the log there.
        {{1, 1}, 1, {}, 2, 1, false},
        {{0, 0}, 1, {entry(1, 2)}, 1, 1, false},
        {{2, 2}, 3, {entry(3, 2), entry(4, 2)}, 4, 3, false},
        {{2, 2}, 4, {entry(3, 2)}, 3, 3, false},
        {{1, 1}, 4, {entry(2, 2)}, 2, 2, false},
        // Committed is what the leader committed, within what this message shows to match.
        {{1, 1}, 3, {}, 2, 1, false},
        {{1, 1}, 3, {entry(2, 2)}, 2, 2, false},
        {{2, 2}, 3, {}, 2, 2, false},
        {{2, 2}, 4, {}, 2, 2, false},
    };
    for (size_t i = 0; i < std::size(rows); ++i) {
        const Row& row = rows[i];
        TestNode node(paper_config(1), {.voters = kThreeNodes, .log_terms = {1, 2}});
        const auto answers =
            node.step(append(2, 1, 2, row.previous, row.entries, row.leader_commit));
        ASSERT_EQ(answers.size(), 1u) << "row " << i;
        EXPECT_EQ(answers[0].type, MessageType::kAppendResponse);
        EXPECT_EQ(answers[0].reject, row.rejected) << "row " << i;
        EXPECT_EQ(node.last(), row.last) << "row " << i;
        EXPECT_EQ(node.commit(), row.commit) << "row " << i;
    }
}

// A leader of term 2 has no entry of term 3 to send.
TEST(LogMatching, AnAppendFromBeyondItsTermIsNonsense) {
    TestNode node(paper_config(1), {.voters = kThreeNodes, .log_terms = {1, 2}});
    EXPECT_TRUE(node.step(append(2, 1, 2, {2, 2}, {entry(3, 3)}, 3)).empty());
    EXPECT_EQ(node.raft().status().messages_ignored, 1u);
}

TEST(LogMatching, VoteRequestTable) {
    struct Row {
        Role role;
        Place last;
        uint64_t voted_for;
        bool rejected;
    };
    // The log is (1, term 2), (2, term 2); node 2 asks.
    const Row rows[] = {
        {kFollower, {0, 0}, 0, true},  {kFollower, {0, 1}, 0, true},  {kFollower, {0, 2}, 0, true},
        {kFollower, {0, 3}, 0, false}, {kFollower, {1, 0}, 0, true},  {kFollower, {1, 1}, 0, true},
        {kFollower, {1, 2}, 0, true},  {kFollower, {1, 3}, 0, false}, {kFollower, {2, 0}, 0, true},
        {kFollower, {2, 1}, 0, true},  {kFollower, {2, 2}, 0, false}, {kFollower, {2, 3}, 0, false},
        {kFollower, {3, 0}, 0, true},  {kFollower, {3, 1}, 0, true},  {kFollower, {3, 2}, 0, false},
        {kFollower, {3, 3}, 0, false}, {kFollower, {3, 2}, 2, false}, {kFollower, {3, 2}, 3, true},
        {kLeader, {3, 3}, 1, true},    {kCandidate, {3, 3}, 1, true},
    };
    for (size_t i = 0; i < std::size(rows); ++i) {
        const Row& row = rows[i];
        const bool votes_for_itself = row.role != kFollower;
        const uint64_t term = std::max<uint64_t>(2, row.last.term);
        TestNode node(paper_config(1), {.voters = kThreeNodes,
                                        .log_terms = {2, 2},
                                        .term = votes_for_itself ? term - 1 : term,
                                        .vote = votes_for_itself ? 0 : row.voted_for});
        if (votes_for_itself) TIMBER_MAYBE(node.raft().campaign());
        node.settle();
        if (row.role == kLeader) TIMBER_MAYBE(node.step(vote_answer(3, 1, term, true)));
        ASSERT_EQ(node.role(), row.role);
        TIMBER_MAYBE(node.take_outbox());
        const auto answers = node.step(vote_request(2, 1, term, row.last));
        ASSERT_EQ(answers.size(), 1u) << "row " << i;
        EXPECT_EQ(answers[0], vote_answer(1, 2, term, !row.rejected)) << "row " << i;
    }
}

TEST(LogMatching, EveryRoleStepsDown) {
    struct Row {
        Role role;
        uint64_t last;
    };
    for (const Row& row : {Row{kFollower, 0}, {kCandidate, 0}, {kLeader, 1}}) {
        TestNode node(paper_config(1), {.voters = kThreeNodes});
        if (row.role == kCandidate) TIMBER_MAYBE(node.raft().campaign());
        if (row.role == kLeader) TIMBER_MAYBE(lead(node));
        node.settle();
        ASSERT_EQ(node.role(), row.role);
        TIMBER_MAYBE(node.step(vote_request(2, 1, 3, {0, 3})));
        EXPECT_EQ(node.role(), kFollower);
        EXPECT_EQ(node.term(), 3u);
        EXPECT_EQ(node.leader(), 0u);
        TIMBER_MAYBE(node.step(append(2, 1, 3, {0, 3})));
        EXPECT_EQ(node.term(), 3u);
        EXPECT_EQ(node.leader(), 2u);
        EXPECT_EQ(node.last(), row.last);
    }
}

// A leader of term 1 whose first entry all have.
void lead_with_first_entry_committed(TestNode& node) {
    TIMBER_MAYBE(lead(node));
    acknowledge_all(node);
    TIMBER_MAYBE(node.take_outbox());
    ASSERT_EQ(node.commit(), 1u);
}

TEST(LogMatching, LeaderStartsReplication) {
    TestNode node(paper_config(1), {.voters = kThreeNodes});
    lead_with_first_entry_committed(node);
    EXPECT_TRUE(node.raft().propose(Payload::copy_of(std::string_view("a"))).accepted());
    TIMBER_MAYBE(node.take_ready());
    EXPECT_EQ(node.last(), 2u);
    EXPECT_EQ(node.commit(), 1u);
    ASSERT_EQ(node.writes().size(), 1u);
    EXPECT_EQ(node.writes()[0].entries, (std::vector<Entry>{entry(2, 1, "a")}));
    const auto sent = node.take_outbox();
    ASSERT_EQ(sent.size(), 2u);
    EXPECT_EQ(sent[0], append(1, 2, 1, {1, 1}, {entry(2, 1, "a")}, 1));
    EXPECT_EQ(sent[1], append(1, 3, 1, {1, 1}, {entry(2, 1, "a")}, 1));
}

TEST(LogMatching, LeaderCommitsEntry) {
    TestNode node(paper_config(1), {.voters = kThreeNodes});
    lead_with_first_entry_committed(node);
    EXPECT_TRUE(propose(node, "a").accepted());
    for (const Message& sent : node.take_outbox()) node.raft().step(accepted(sent));
    node.settle();
    EXPECT_EQ(node.commit(), 2u);
    EXPECT_EQ(node.handed_over().back(), entry(2, 1, "a"));
    const auto told = node.take_outbox();
    ASSERT_EQ(told.size(), 2u);
    EXPECT_EQ(told[0], append(1, 2, 1, {2, 1}, {}, 2));
    EXPECT_EQ(told[1], append(1, 3, 1, {2, 1}, {}, 2));
}

TEST(LogMatching, LeaderCountsAMajority) {
    struct Row {
        uint64_t voters;
        std::vector<uint64_t> acknowledging;
        bool committed;
    };
    const Row rows[] = {
        {1, {}, true},     {3, {}, false},       {3, {2}, true},
        {3, {2, 3}, true}, {5, {}, false},       {5, {2}, false},
        {5, {2, 3}, true}, {5, {2, 3, 4}, true}, {5, {2, 3, 4, 5}, true},
    };
    for (const Row& row : rows) {
        Stored stored;
        for (uint64_t id = 1; id <= row.voters; ++id) stored.voters.push_back(id);
        TestNode node(paper_config(1), stored);
        lead_with_first_entry_committed(node);
        EXPECT_TRUE(propose(node, "a").accepted());
        for (const uint64_t from : row.acknowledging) {
            TIMBER_MAYBE(node.step(acknowledgement(from, 1, 1, 2)));
        }
        EXPECT_EQ(node.commit() == 2, row.committed) << row.voters << " voters";
    }
}

TEST(LogMatching, LeaderCommitsPrecedingEntries) {
    const std::vector<uint64_t> logs[] = {{}, {2}, {1, 2}, {1}};
    for (std::vector<uint64_t> terms : logs) {
        TestNode node(paper_config(1), {.voters = kThreeNodes, .log_terms = terms, .term = 2});
        TIMBER_MAYBE(lead(node));
        EXPECT_TRUE(propose(node, "a").accepted());
        acknowledge_all(node);
        terms.insert(terms.end(), {3, 3});
        EXPECT_EQ(handed_over_terms(node), terms);
        EXPECT_EQ(node.state(), "a");
    }
}

TEST(LogMatching, FollowerCommitsEntry) {
    struct Row {
        std::vector<Entry> entries;
        uint64_t commit;
    };
    const Row rows[] = {
        {{entry(1, 1, "a")}, 1},
        {{entry(1, 1, "a"), entry(2, 1, "b")}, 2},
        {{entry(1, 1, "b"), entry(2, 1, "a")}, 2},
        {{entry(1, 1, "a"), entry(2, 1, "b")}, 1},
    };
    for (const Row& row : rows) {
        TestNode node(paper_config(1), {.voters = kThreeNodes, .term = 1});
        TIMBER_MAYBE(node.step(append(2, 1, 1, {0, 0}, row.entries, row.commit)));
        EXPECT_EQ(node.commit(), row.commit);
        const std::vector<Entry> expected(row.entries.begin(),
                                          row.entries.begin() + static_cast<long>(row.commit));
        EXPECT_EQ(node.handed_over(), expected);
    }
}

TEST(LogMatching, FollowerChecksAppend) {
    struct Row {
        Place previous;
        bool rejected;
    };
    // The log is (1, term 1), (2, term 2), committed up to 1.
    const Row rows[] = {
        {{0, 0}, false}, {{1, 1}, false}, {{2, 2}, false}, {{2, 1}, true}, {{3, 3}, true}};
    for (const Row& row : rows) {
        TestNode node(paper_config(1), {.voters = kThreeNodes, .log_terms = {1, 2}, .commit = 1});
        const auto answers = node.step(append(2, 1, 2, row.previous));
        ASSERT_EQ(answers.size(), 1u);
        EXPECT_EQ(answers[0].term, Term(2));
        EXPECT_EQ(answers[0].reject, row.rejected) << row.previous.index;
        if (!row.rejected) continue;
        EXPECT_EQ(answers[0].index, LogIndex(row.previous.index));
    }
}

TEST(LogMatching, FollowerAppendsEntries) {
    struct Row {
        Place previous;
        std::vector<Entry> entries;
        std::vector<uint64_t> terms;
        bool writes;
    };
    // The log is (1, term 1), (2, term 2).
    const Row rows[] = {
        {{2, 2}, {entry(3, 3)}, {1, 2, 3}, true},
        {{1, 1}, {entry(2, 3), entry(3, 4)}, {1, 3, 4}, true},
        {{0, 0}, {entry(1, 1)}, {1, 2}, false},
        {{0, 0}, {entry(1, 3)}, {3}, true},
    };
    for (const Row& row : rows) {
        TestNode node(paper_config(1), {.voters = kThreeNodes, .log_terms = {1, 2}, .term = 4});
        node.raft().step(append(2, 1, 4, row.previous, row.entries));
        const Ready ready = node.take_ready();
        const std::vector<Entry> written =
            ready.write ? ready.write->entries : std::vector<Entry>{};
        EXPECT_EQ(written, row.writes ? row.entries : std::vector<Entry>{});
        EXPECT_EQ(node.log_terms(), row.terms);
    }
}

TEST(LogMatching, CandidateAsksWithItsLastEntry) {
    const std::vector<Entry> logs[] = {{entry(1, 1)}, {entry(1, 1), entry(2, 2)}};
    for (const std::vector<Entry>& log : logs) {
        const uint64_t term = log.size();
        TestNode node(paper_config(1), {.voters = kThreeNodes, .term = term});
        TIMBER_MAYBE(node.step(append(2, 1, term, {0, 0}, log)));
        const auto asked = of_type(node.tick(19), MessageType::kVote);
        ASSERT_EQ(asked.size(), 2u);
        for (const uint64_t to : {2, 3}) {
            EXPECT_EQ(asked[to - 2], vote_request(1, to, term + 1, {term, term}));
        }
    }
}

TEST(LogMatching, VoterComparesLogs) {
    struct Row {
        std::vector<uint64_t> log;
        Place candidate;
        bool rejected;
    };
    const Row rows[] = {
        {{1}, {1, 1}, false},     // equal
        {{1}, {2, 1}, false},     // longer
        {{1, 1}, {1, 1}, true},   // shorter
        {{1}, {1, 2}, false},     // of a later term
        {{1}, {2, 2}, false},     //
        {{1, 1}, {1, 2}, false},  // and shorter
        {{2}, {1, 1}, true},      // of an earlier term
        {{2}, {2, 1}, true},      // and longer
        {{1, 2}, {1, 1}, true},   // and shorter
    };
    for (const Row& row : rows) {
        TestNode node(paper_config(1), {.voters = {1, 2}, .log_terms = row.log, .term = 2});
        const auto answers = node.step(vote_request(2, 1, 3, row.candidate));
        ASSERT_EQ(answers.size(), 1u);
        EXPECT_EQ(answers[0], vote_answer(1, 2, 3, !row.rejected));
    }
}

TEST(LogMatching, LeaderCountsOnlyEntriesOfItsTerm) {
    struct Row {
        uint64_t acknowledged, commit;
    };
    for (const Row& row : {Row{1, 0}, {2, 0}, {3, 3}}) {
        TestNode node(paper_config(1), {.voters = {1, 2}, .log_terms = {1, 2}});
        TIMBER_MAYBE(lead(node));
        ASSERT_EQ(node.term(), 3u);
        EXPECT_TRUE(propose(node, "a").accepted());
        TIMBER_MAYBE(node.step(acknowledgement(2, 1, 3, row.acknowledged)));
        EXPECT_EQ(node.commit(), row.commit);
    }
}

}  // namespace
}  // namespace timber::raft::test
