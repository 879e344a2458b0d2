// Stories about single nodes, driven message by message: what a crash, a late completion or a
// nonsensical message must not do. Several were first found by the simulator.
#include <gtest/gtest.h>

#include <memory>

#include "raft/memory_storage.h"
#include "raft/raft.h"

namespace timber::raft {

static ConfState voters(std::initializer_list<uint64_t> ids) {
    ConfState conf;
    for (const uint64_t id : ids) conf.voters.push_back(NodeId(id));
    return conf;
}

static Entry entry(uint64_t index, uint64_t term) {
    return {Term(term), LogIndex(index), EntryType::kNormal, Payload::copy_of("x")};
}

// One node with a storage; the test is the rest of the group, and the disk.
struct Node {
    explicit Node(
        ConfState conf, uint64_t id = 1, auto&& adjust = [](Config&) {})
        : storage(std::move(conf)) {
        config.id = NodeId(id);
        config.pre_vote = false;
        adjust(config);
        start();
    }
    explicit Node(ConfState conf) : Node(std::move(conf), 1, [](Config&) {}) {}

    void start() {
        ++config.seed;
        raft = std::make_unique<RawNode>(RawNode::create(config, storage).value());
    }
    // Loses everything that was not stored.
    void crash() { start(); }
    Ready ready() {
        raft->check_invariants();
        Ready out = raft->ready();
        raft->check_invariants();
        return out;
    }
    void store(const Ready& out) {
        if (!out.write) return;
        storage.apply(*out.write);
        raft->persisted(out.write->number);
    }
    // Works off everything as a synchronous driver does. Gives what was sent.
    std::vector<Message> settle() {
        std::vector<Message> sent;
        while (raft->has_ready()) {
            const Ready out = ready();
            for (const Message& message : out.messages) sent.push_back(message);
            store(out);
            for (const Message& message : out.once_durable.messages) sent.push_back(message);
            for (const Entry& each : out.committed) {
                if (each.type == EntryType::kConfChange) {
                    raft->apply_conf_change(each.index, decode_conf_change(each.payload).value());
                }
                applied.push_back(each);
                raft->applied(each.index);
            }
            for (const ReadReady& read : out.reads) reads.push_back(read.id);
            for (const ReadDropped& read : out.reads_dropped) dropped.push_back(read.id);
            for (const ProposalNotice& notice : out.proposals) notices.push_back(notice);
        }
        return sent;
    }
    void step(Message message, uint64_t from, uint64_t term) {
        message.from = NodeId(from);
        message.to = config.id;
        message.term = Term(term);
        raft->step(std::move(message));
    }
    void append(uint64_t from, uint64_t term, uint64_t previous, uint64_t previous_term,
                std::vector<Entry> entries, uint64_t commit = 0) {
        Message message{.type = MessageType::kAppend};
        message.index = LogIndex(previous);
        message.log_term = Term(previous_term);
        message.entries = std::move(entries);
        message.commit = LogIndex(commit);
        step(std::move(message), from, term);
    }
    void acknowledge(uint64_t from, uint64_t index) {
        Message message{.type = MessageType::kAppendResponse};
        message.index = LogIndex(index);
        step(std::move(message), from, raft->term().value());
    }
    // Node 2 grants its vote, in a group of three.
    void become_leader() {
        EXPECT_FALSE(raft->campaign());
        settle();
        step({.type = MessageType::kVoteResponse}, 2, raft->term().value());
        ASSERT_EQ(raft->role(), Role::kLeader);
    }
    void become_leader_and_commit() {
        become_leader();
        settle();
        acknowledge(2, raft->status().last_index.value());
        settle();
    }

    Config config;
    MemoryStorage storage;
    std::unique_ptr<RawNode> raft;
    std::vector<Entry> applied;
    std::vector<ReadId> reads, dropped;
    std::vector<ProposalNotice> notices;
};

static size_t count(const std::vector<Message>& messages, MessageType type) {
    return static_cast<size_t>(std::ranges::count(messages, type, &Message::type));
}

TEST(Durability, VoteRequestsAndOwnVote_WaitForTheWrite) {
    Node node(voters({1, 2}));
    EXPECT_FALSE(node.raft->campaign());
    const Ready out = node.ready();
    EXPECT_EQ(count(out.messages, MessageType::kVote), 0u);
    EXPECT_EQ(count(out.once_durable.messages, MessageType::kVote), 1u);
    EXPECT_EQ(out.once_durable.write, out.write->number);
    // An answer cannot come before the request left, but if it does, it alone is no majority.
    node.step({.type = MessageType::kVoteResponse}, 2, 1);
    EXPECT_EQ(node.raft->role(), Role::kCandidate);
    node.store(out);
    EXPECT_EQ(node.raft->role(), Role::kLeader);
}

TEST(Durability, GrantOvertakenByACrash_WasNeverSent) {
    Node node(voters({1, 2, 3}));
    node.step({.type = MessageType::kVote, .index = LogIndex(9), .log_term = Term(1)}, 2, 5);
    const Ready lost = node.ready();
    EXPECT_EQ(count(lost.messages, MessageType::kVoteResponse), 0u);
    node.crash();
    node.step({.type = MessageType::kVote, .index = LogIndex(9), .log_term = Term(1)}, 3, 5);
    const std::vector<Message> sent = node.settle();
    ASSERT_EQ(count(sent, MessageType::kVoteResponse), 1u);
    EXPECT_FALSE(sent.back().reject) << "the first vote was promised to nobody";
}

TEST(Durability, VoteSurvivesARestart) {
    Node node(voters({1, 2, 3}));
    node.step({.type = MessageType::kVote}, 2, 5);
    node.settle();
    node.crash();
    node.step({.type = MessageType::kVote}, 3, 5);
    const std::vector<Message> sent = node.settle();
    ASSERT_EQ(count(sent, MessageType::kVoteResponse), 1u);
    EXPECT_TRUE(sent.back().reject);
}

// The first completion must not release what the third write brings back.
TEST(Durability, WrittenCutAndWrittenAgain_IsAcknowledgedByItsOwnWrite) {
    Node node(voters({1, 2, 3}));
    node.append(2, 1, 0, 0, {entry(1, 1)});
    const Ready one = node.ready();
    node.append(3, 2, 0, 0, {entry(1, 2)});
    const Ready two = node.ready();
    node.append(2, 3, 0, 0, {entry(1, 1), entry(2, 3)}, 2);
    const Ready three = node.ready();
    node.store(one);
    EXPECT_EQ(node.raft->status().durable_index, LogIndex(0));
    EXPECT_TRUE(node.ready().committed.empty()) << "entry 1 of term 1 may yet be lost";
    node.store(two);
    EXPECT_EQ(node.raft->status().durable_index, LogIndex(0));
    node.store(three);
    EXPECT_EQ(node.raft->status().durable_index, LogIndex(2));
    EXPECT_EQ(node.ready().committed.size(), 2u);
    EXPECT_EQ(one.once_durable.write, WriteNumber(1));
    EXPECT_EQ(three.once_durable.write, WriteNumber(3));
}

TEST(Durability, LeaderWithWritesInFlight_CountsOnlyItsDurableLog) {
    Node node(voters({1, 2, 3}));
    node.become_leader();
    const Ready first = node.ready();  // the entry that opens the term, not durable
    EXPECT_EQ(node.raft->status().progress[0].match, LogIndex(0));
    ASSERT_TRUE(node.raft->propose(Payload::copy_of("a")).accepted());
    const Ready second = node.ready();
    node.acknowledge(2, 2);
    EXPECT_EQ(node.raft->commit(), LogIndex(0)) << "one disk of three holds it";
    node.acknowledge(3, 2);
    EXPECT_EQ(node.raft->commit(), LogIndex(2)) << "two others are a majority without this one";
    EXPECT_TRUE(node.ready().committed.empty()) << "and yet it is not durable here";
    node.store(first);
    EXPECT_EQ(node.ready().committed.size(), 1u);
    node.store(second);
    EXPECT_EQ(node.ready().committed.size(), 1u);
}

TEST(Durability, SnapshotIsAcknowledgedOnceInstalled) {
    Node node(voters({1, 2, 3}));
    Message message{.type = MessageType::kSnapshot};
    message.snapshot = std::make_shared<Snapshot>(
        Snapshot{{LogIndex(11), Term(2), voters({1, 2, 3})}, Payload::copy_of("state")});
    node.step(message, 2, 3);
    node.append(2, 3, 11, 2, {entry(12, 3)}, 12);
    const Ready out = node.ready();
    EXPECT_TRUE(out.write->snapshot != nullptr);
    EXPECT_EQ(out.write->entries.size(), 1u);
    EXPECT_EQ(count(out.messages, MessageType::kAppendResponse), 0u);
    EXPECT_TRUE(out.committed.empty());
    node.store(out);
    const Ready after = node.ready();
    ASSERT_EQ(after.committed.size(), 1u);
    EXPECT_EQ(after.committed[0].index, LogIndex(12));
    EXPECT_EQ(node.raft->status().applied, LogIndex(11));
    // An older one is acknowledged with what is committed, and changes nothing.
    message.snapshot = std::make_shared<Snapshot>(
        Snapshot{{LogIndex(7), Term(1), voters({1})}, Payload::copy_of("old")});
    node.step(message, 2, 3);
    EXPECT_EQ(node.raft->status().conf, voters({1, 2, 3}));
    EXPECT_EQ(node.raft->commit(), LogIndex(12));
}

// Section 5.4.2, figure 8.
TEST(Commit, EntryOfAnEarlierTerm_IsNotCommittedByCounting) {
    Node node(voters({1, 2, 3}));
    node.append(3, 2, 0, 0, {entry(1, 2)});
    node.settle();
    node.become_leader();
    node.settle();
    node.acknowledge(2, 1);
    EXPECT_EQ(node.raft->commit(), LogIndex(0));
    node.acknowledge(2, 2);
    EXPECT_EQ(node.raft->commit(), LogIndex(2));
}

TEST(Proposals, Overwritten_AreSaidToBeSurelyNotDone) {
    Node node(voters({1, 2, 3}));
    node.become_leader_and_commit();
    const Proposed proposed = node.raft->propose(Payload::copy_of("lost"));
    node.settle();
    node.append(3, 9, 1, 1, {entry(2, 9)}, 2);
    node.settle();
    ASSERT_EQ(node.notices.size(), 2u);
    EXPECT_EQ(node.notices[0].fate, ProposalFate::kLeadershipLost);
    EXPECT_EQ(node.notices[1].fate, ProposalFate::kOverwritten);
    EXPECT_EQ(node.notices[1].first, proposed.first_index);
}

TEST(Proposals, PassedByASnapshot_AreUnknown) {
    Node node(voters({1, 2, 3}));
    node.become_leader_and_commit();
    ASSERT_TRUE(node.raft->propose(Payload::copy_of("who knows")).accepted());
    node.settle();
    Message message{.type = MessageType::kSnapshot};
    message.snapshot =
        std::make_shared<Snapshot>(Snapshot{{LogIndex(11), Term(2), voters({1, 2, 3})}, Payload()});
    node.step(std::move(message), 2, 3);
    node.settle();
    EXPECT_EQ(node.notices.back().fate, ProposalFate::kPassedBySnapshot);
}

TEST(Proposals, OverTheLimit_AreRefusedUntilEarlierOnesAreHandedOver) {
    Node node(voters({1, 2, 3}), 1, [](Config& config) { config.uncommitted_bytes_max = 100; });
    node.become_leader_and_commit();
    EXPECT_TRUE(node.raft->propose(Payload::copy_of(std::string(500, 'x'))).accepted());
    EXPECT_EQ(node.raft->propose(Payload::copy_of("y")).refusal, Refusal::kUncommittedLimit);
    node.settle();
    node.acknowledge(2, 2);
    node.settle();
    EXPECT_TRUE(node.raft->propose(Payload::copy_of("y")).accepted());
}

TEST(Reads, ThatWaitTogether_ShareOneRound) {
    Node node(voters({1, 2, 3}));
    node.become_leader_and_commit();
    for (uint64_t id = 1; id <= 5; ++id) EXPECT_FALSE(node.raft->read_index(ReadId(id)));
    const std::vector<Message> sent = node.settle();
    ASSERT_EQ(count(sent, MessageType::kHeartbeat), 2u);
    EXPECT_TRUE(node.reads.empty());
    Message answer{.type = MessageType::kHeartbeatResponse};
    answer.round = sent.back().round;
    node.step(answer, 2, node.raft->term().value());
    node.settle();
    EXPECT_EQ(node.reads.size(), 5u);
}

TEST(Reads, AnswerFromBeforeARestart_AnswersNothingAskedSince) {
    Node node(voters({1, 2, 3}));
    node.step({.type = MessageType::kHeartbeat}, 2, 1);
    EXPECT_FALSE(node.raft->read_index(ReadId(1)));
    std::vector<Message> sent = node.settle();
    ASSERT_EQ(count(sent, MessageType::kReadIndex), 1u);
    Message late{.type = MessageType::kReadIndexResponse};
    late.round = std::ranges::find(sent, MessageType::kReadIndex, &Message::type)->round;
    node.crash();
    node.step({.type = MessageType::kHeartbeat}, 2, 1);
    EXPECT_FALSE(node.raft->read_index(ReadId(2)));
    sent = node.settle();
    node.step(late, 2, 1);
    node.settle();
    EXPECT_TRUE(node.reads.empty());
    late.round = std::ranges::find(sent, MessageType::kReadIndex, &Message::type)->round;
    node.step(late, 2, 1);
    node.settle();
    EXPECT_EQ(node.reads, std::vector{ReadId(2)});
}

TEST(Reads, LeadershipLost_EndsThemAll) {
    Node node(voters({1, 2, 3}));
    node.become_leader_and_commit();
    EXPECT_FALSE(node.raft->read_index(ReadId(1)));
    node.step({.type = MessageType::kHeartbeat}, 3, 9);
    node.settle();
    EXPECT_EQ(node.dropped, std::vector{ReadId(1)});
}

static void with_lease(Config& config) {
    config.lease_reads = true;
    config.tick_us = 1000;
    config.clock_drift_per_mille_max = 10;
}

TEST(Lease, CountsFromTheSendAndEndsWithATransferForTheWholeTerm) {
    Node node(voters({1, 2, 3}), 1, with_lease);
    node.raft->observe_time(BootTimeUs(0));
    node.raft->observe_time(BootTimeUs(20'000));  // the promise after a start is over
    node.become_leader_and_commit();
    node.raft->tick();
    std::vector<Message> sent = node.settle();
    Message answer{.type = MessageType::kHeartbeatResponse};
    answer.round = sent.back().round;
    node.raft->observe_time(BootTimeUs(25'000));
    node.step(answer, 2, 1);
    EXPECT_FALSE(node.raft->begin_lease_read(BootTimeUs(25'000))) << "2 promised nothing";
    answer.promised = true;
    node.step(answer, 2, 1);
    const std::optional<LeaseRead> read = node.raft->begin_lease_read(BootTimeUs(25'000));
    ASSERT_TRUE(read.has_value());
    EXPECT_TRUE(node.raft->lease_covers(*read, BootTimeUs(29'000)));
    EXPECT_FALSE(node.raft->lease_covers(*read, BootTimeUs(30'000))) << "sent at 20'000";
    EXPECT_FALSE(node.raft->transfer_leader(NodeId(2)));
    EXPECT_EQ(count(node.settle(), MessageType::kTimeoutNow), 1u);
    EXPECT_FALSE(node.raft->lease_covers(*read, BootTimeUs(25'001)));
    node.raft->abort_transfer();
    node.raft->tick();
    sent = node.settle();
    answer.round = sent.back().round;
    node.step(answer, 2, 1);
    EXPECT_FALSE(node.raft->begin_lease_read(BootTimeUs(25'001)))
        << "the order may still be on its way";
}

TEST(Lease, RestartedNode_KeepsThePromiseItForgot) {
    Node node(voters({1, 2, 3}), 1, with_lease);
    node.raft->observe_time(BootTimeUs(50'000));
    node.step({.type = MessageType::kVote}, 2, 5);
    EXPECT_TRUE(node.settle().empty());
    EXPECT_EQ(node.raft->campaign(), Refusal::kPromised);
    node.raft->observe_time(BootTimeUs(60'000));
    node.step({.type = MessageType::kVote}, 2, 5);
    EXPECT_EQ(count(node.settle(), MessageType::kVoteResponse), 1u);
}

// Group {1} promoted learner 2; before 2 heard of it, 1 restarted and needs its vote.
TEST(Membership, LearnerThatHearsNoLeader_StopsHoldingBackItsVote) {
    Node node({{NodeId(2)}, {NodeId(1)}, {}});
    node.step({.type = MessageType::kHeartbeat}, 2, 1);
    node.settle();
    for (int i = 0; i < 30; ++i) {
        node.raft->tick();
        node.settle();
    }
    EXPECT_EQ(node.raft->leader(), kNobody);
    node.step({.type = MessageType::kVote}, 2, 2);
    const std::vector<Message> sent = node.settle();
    ASSERT_EQ(count(sent, MessageType::kVoteResponse), 1u);
    EXPECT_FALSE(sent.back().reject);
}

// Leader 1 of {1, 2} removed itself and died before 2 knew that the change is committed.
TEST(Membership, RemovedNodeThatIsStillNeeded_LeadsUntilTheOtherKnows) {
    Node node(voters({2}));  // as of what 1 had applied
    node.storage.append(std::vector{entry(1, 1)});
    node.storage.set_hard_state({Term(1), NodeId(1), LogIndex(1)});
    node.config.applied = LogIndex(1);
    node.start();
    std::vector<Message> sent;
    for (int i = 0; i < 200 && count(sent, MessageType::kPreVote) == 0; ++i) {
        node.raft->tick();
        for (Message& message : node.settle()) sent.push_back(std::move(message));
    }
    ASSERT_EQ(count(sent, MessageType::kPreVote), 1u);
    node.step({.type = MessageType::kPreVoteResponse}, 2, 2);
    node.settle();
    node.step({.type = MessageType::kVoteResponse}, 2, 2);
    node.settle();
    ASSERT_EQ(node.raft->role(), Role::kLeader);
    EXPECT_TRUE(node.raft->status().leaving);
    EXPECT_EQ(node.raft->propose(Payload::copy_of("no")).refusal, Refusal::kNotLeader);
    Message told{.type = MessageType::kAppendResponse};
    told.index = told.commit = LogIndex(2);
    node.step(told, 2, 2);
    EXPECT_EQ(count(node.settle(), MessageType::kTimeoutNow), 1u);
    EXPECT_EQ(node.raft->role(), Role::kFollower);
}

TEST(Membership, LeaderThatRemovesItself_WaitsUntilTheOthersKnow) {
    Node node(voters({1, 2, 3}));
    node.become_leader_and_commit();
    ASSERT_TRUE(
        node.raft->propose_conf_change({ConfChangeType::kRemove, NodeId(1), {}}).accepted());
    EXPECT_EQ(node.raft->propose_conf_change({ConfChangeType::kRemove, NodeId(3), {}}).refusal,
              Refusal::kMembershipBusy);
    node.settle();
    node.acknowledge(2, 2);
    node.settle();
    EXPECT_EQ(node.raft->status().conf, voters({2, 3}));
    EXPECT_EQ(node.raft->role(), Role::kLeader);
    Message told{.type = MessageType::kAppendResponse};
    told.index = told.commit = LogIndex(2);
    node.step(told, 2, 1);
    EXPECT_EQ(node.raft->role(), Role::kLeader);
    node.step(told, 3, 1);
    EXPECT_EQ(node.raft->role(), Role::kFollower);
}

TEST(Elections, CandidateOfAnEarlierTerm_IsToldTheLaterOne) {
    Node node(voters({1, 2, 3}));
    node.append(2, 7, 0, 0, {entry(1, 7)});
    node.settle();
    node.step({.type = MessageType::kVote, .index = LogIndex(9), .log_term = Term(3)}, 3, 4);
    const std::vector<Message> sent = node.settle();
    ASSERT_EQ(count(sent, MessageType::kVoteResponse), 1u);
    EXPECT_TRUE(sent.back().reject);
    EXPECT_EQ(sent.back().term, Term(7));
}

TEST(Elections, PreVote_ChecksTheLogAndChangesNothing) {
    Node node(voters({1, 2, 3}));
    node.append(2, 3, 0, 0, {entry(1, 3)});
    node.settle();
    for (int i = 0; i < 10; ++i) node.raft->tick();
    node.settle();
    const Term before = node.raft->term();
    const uint64_t ask = before.value() + 5;
    node.step({.type = MessageType::kPreVote, .index = LogIndex(9), .log_term = Term(2)}, 3, ask);
    EXPECT_TRUE(node.settle().back().reject);
    node.step({.type = MessageType::kPreVote, .index = LogIndex(1), .log_term = Term(3)}, 3, ask);
    EXPECT_FALSE(node.settle().back().reject);
    EXPECT_EQ(node.raft->term(), before);
}

TEST(HandOver, StalledDisk_GivesLeadershipAway) {
    Node node(voters({1, 2, 3}));
    node.become_leader_and_commit();
    node.raft->report_own_disk(true);
    EXPECT_EQ(count(node.settle(), MessageType::kTimeoutNow), 1u);
    EXPECT_EQ(node.raft->status().transferee, NodeId(2));
    EXPECT_EQ(node.raft->propose(Payload()).refusal, Refusal::kTransferPending);
}

TEST(Create, StorageThatContradictsItself_IsRefused) {
    MemoryStorage storage(voters({1}), LogIndex(5), Term(5));
    Config config;
    config.id = NodeId(1);
    storage.set_hard_state({Term(5), {}, LogIndex(9)});
    EXPECT_FALSE(RawNode::create(config, storage).ok());
    storage.set_hard_state({Term(4), {}, LogIndex(5)});
    EXPECT_FALSE(RawNode::create(config, storage).ok());
    storage.set_hard_state({Term(5), {}, LogIndex(5)});
    config.applied = LogIndex(6);
    EXPECT_FALSE(RawNode::create(config, storage).ok());
    config.applied = {};
    EXPECT_TRUE(RawNode::create(config, storage).ok());
    config.id = kNobody;
    EXPECT_FALSE(RawNode::create(config, storage).ok());
}

}  // namespace timber::raft
