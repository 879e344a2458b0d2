// What a leader has on its way to a follower: bounded, whatever the follower answers, and never
// waiting for what is lost.
#include "tests/raft/raft_fixture.h"

namespace timber::raft::test {
namespace {

// Leads a group of three in which follower 2 has everything, with `adjust` made to its config.
struct Leader {
    explicit Leader(auto&& adjust) : node(adjusted(adjust), {.voters = {1, 2, 3}}) {
        TIMBER_MAYBE(lead(node));
        acknowledge_all(node);
        TIMBER_MAYBE(node.take_outbox());
    }
    static Config adjusted(auto&& adjust) {
        Config config = paper_config(1);
        adjust(config);
        return config;
    }
    std::vector<Message> propose(std::string_view text) {
        EXPECT_TRUE(test::propose(node, text).accepted());
        return of_type(node.take_outbox(), MessageType::kAppend);
    }
    // A heartbeat that follower 2 answers; gives the appends that the answer brings about.
    std::vector<Message> beat() {
        const auto beats = of_type(node.tick(), MessageType::kHeartbeat);
        Message answer = message(MessageType::kHeartbeatResponse, 2, 1, node.term());
        answer.round = beats.at(0).round;
        return of_type(node.step(answer), MessageType::kAppend);
    }

    TestNode node;
};

// With nothing but heartbeats answered, as by a follower whose disk stands still, the leader would
// otherwise put a message more on the way with every one of them.
TEST(Flow, AnsweredHeartbeats_DoNotOpenAFullWindow) {
    Leader leader([](Config& config) {
        config.inflight_messages_max = 2;
        config.message_entries_max = 1;
    });
    for (int i = 0; i < 10; ++i) TIMBER_MAYBE(leader.propose("x"));
    const ProgressStatus before = leader.node.progress(2);
    EXPECT_EQ(before.next, before.match + 3);
    for (int i = 0; i < 20; ++i) {
        const auto appends = leader.beat();
        ASSERT_EQ(appends.size(), 1u);
        EXPECT_TRUE(appends[0].entries.empty()) << "it only asks whether the others arrived";
        EXPECT_EQ(appends[0].index, before.next - 1);
    }
    EXPECT_EQ(leader.node.progress(2).next, before.next);
    EXPECT_EQ(leader.node.progress(2).inflight_messages, 2u);
}

// A slow follower has one append on its way. If that one is lost, nothing would go out again.
TEST(Flow, SlowFollowerThatLostItsAppend_IsAsked) {
    Leader leader([](Config&) {});
    leader.node.raft().report_slow(NodeId(2), true);
    TIMBER_MAYBE(leader.propose("lost"));
    const auto appends = leader.beat();
    ASSERT_EQ(appends.size(), 1u);
    Message refusal = acknowledgement(2, 1, leader.node.term(), appends[0].index.value());
    refusal.reject = true;
    refusal.reject_hint = LogIndex(1);
    refusal.log_term = Term(1);
    const auto again = of_type(leader.node.step(refusal), MessageType::kAppend);
    ASSERT_EQ(again.size(), 1u);
    EXPECT_EQ(again[0].entries.size(), 1u);
}

// With no bytes on the way one proposal is taken, whatever its size; that is one entry, not a
// hundred of the largest.
TEST(Flow, BatchAboveTheLimit_IsRefusedAltogether) {
    Leader leader([](Config& config) { config.uncommitted_bytes_max = 1000; });
    const std::vector<Payload> batch(20, Payload::copy_of(std::string(100, 'x')));
    EXPECT_EQ(leader.node.raft().propose(batch).refusal, Refusal::kTooLarge);
    EXPECT_TRUE(leader.node.raft().propose(std::span(batch).first(5)).accepted());
}

}  // namespace
}  // namespace timber::raft::test
