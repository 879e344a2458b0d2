// Limits of what waits inside a node, and of what one message can do.
#include "tests/raft/raft_fixture.h"

namespace timber::raft::test {
namespace {

using enum Role;

std::vector<Entry> entries(uint64_t first, uint64_t count, uint64_t term) {
    std::vector<Entry> made;
    for (uint64_t i = 0; i < count; ++i) {
        made.push_back(entry(first + i, term, std::string(68, 'x')));  // 100 bytes with the rest
    }
    return made;
}

// One write goes to the log as one batch, and batches have a limit.
TEST(Limits, EntriesAboveTheWriteLimit_GoOutInSeveralWrites) {
    Config config = paper_config(1);
    config.write_bytes_max = 300;
    TestNode node(config, {.voters = {1, 2, 3}});
    node.raft().step(append(2, 1, 1, {0, 0}, entries(1, 7, 1), 7));
    while (node.raft().has_ready()) TIMBER_MAYBE(node.take_ready());
    ASSERT_EQ(node.writes().size(), 3u);
    for (size_t i = 0; i < 3; ++i) {
        const Write& write = node.writes()[i];
        EXPECT_EQ(write.entries.size(), i < 2 ? 3u : 1u);
        EXPECT_EQ(write.hard_state.value().commit, write.entries.back().index)
            << "a restart must not find a commit index without its entry";
    }
    ASSERT_EQ(node.held().size(), 1u);
    EXPECT_EQ(node.held()[0].write, WriteNumber(3)) << "the acknowledgement is of all seven";
    node.crash(2);
    node.restart();
    EXPECT_EQ(node.commit(), 6u);
    EXPECT_EQ(node.last(), 6u);
}

TEST(Limits, OneEntryAboveTheWriteLimit_IsWrittenAllTheSame) {
    Config config = paper_config(1);
    config.write_bytes_max = 1;
    TestNode node(config, {.voters = {1, 2, 3}});
    const auto answers = node.step(append(2, 1, 1, {0, 0}, entries(1, 3, 1), 3));
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0].index, LogIndex(3));
    EXPECT_EQ(node.applied(), 3u);
}

// The disk stands still, and others ask again and again.
TEST(Limits, PromisesThatWaitForTheDisk_DoNotPileUp) {
    Config config = paper_config(1);
    config.writes_in_flight_max = 1;
    TestNode node(config, {.voters = {1, 2, 3}});
    node.raft().step(append(3, 1, 1, {0, 0}, entries(1, 1, 1)));
    TIMBER_MAYBE(node.take_ready());
    for (uint64_t i = 0; i < 100; ++i) {
        node.raft().step(vote_request(2, 1, 5, {9, 5}));
        node.raft().step(append(2, 1, 5, {1, 1}, entries(2, 1 + i % 3, 5)));
        while (node.raft().has_ready()) TIMBER_MAYBE(node.take_ready());
    }
    node.settle();
    const auto sent = node.take_outbox();
    EXPECT_EQ(of_type(sent, MessageType::kVoteResponse).size(), 1u);
    const auto acknowledged = of_type(sent, MessageType::kAppendResponse);
    ASSERT_EQ(acknowledged.size(), 2u) << "the first one left with its write";
    EXPECT_EQ(acknowledged[1].index, LogIndex(4));
}

TEST(Limits, PromisesOfAnEarlierTermThatHaveNotLeft_AreTakenBack) {
    TestNode node(paper_config(1), {.voters = {1, 2, 3}});
    node.raft().step(vote_request(2, 1, 5, {0, 0}));
    node.raft().step(vote_request(3, 1, 6, {0, 0}));
    node.settle();
    EXPECT_EQ(node.take_outbox(), std::vector{vote_answer(1, 3, 6, true)});
}

// A bit of a term that fell over on its way would end all elections for ever.
TEST(Limits, TermThatNoElectionsCouldHaveReached_IsNonsense) {
    TestNode node(paper_config(1), {.voters = {1, 2, 3}});
    const uint64_t damaged = 2 + (uint64_t{1} << 59);
    EXPECT_TRUE(node.step(heartbeat(2, 1, damaged)).empty());
    EXPECT_TRUE(node.step(vote_request(2, 1, damaged, {9, 9})).empty());
    EXPECT_EQ(node.term(), 0u);
    EXPECT_EQ(node.raft().status().messages_ignored, 2u);
    EXPECT_EQ(node.step(heartbeat(2, 1, 1'000'000'000)).size(), 1u);
}

}  // namespace
}  // namespace timber::raft::test
