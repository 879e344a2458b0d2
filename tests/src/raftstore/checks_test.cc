// What is checked of requests and messages, and what waits inside a Peer.
#include <gtest/gtest.h>

#include "src/raftstore/message_checks.h"
#include "src/raftstore/peer_writes.h"
#include "src/raftstore/proposals.h"
#include "src/raftstore/request_checks.h"
#include "src/raftstore/snapshot_layout.h"
#include "src/raftstore/write_gate.h"

namespace timber::raftstore {
namespace {

using Kind = RegionError::Kind;

Region checked_region() {
    return {.id = RegionId(7),
            .start_key = "b",
            .end_key = "m",
            .epoch = {3, 2},
            .peers = {{PeerId(1), StoreId(10)}, {PeerId(2), StoreId(20)}}};
}

// --- Requests ---

TEST(CheckKeyInRegion, Table) {
    const auto contains = [](std::string_view key, std::string start, std::string end) {
        Region one = checked_region();
        one.start_key = std::move(start);
        one.end_key = std::move(end);
        return one.contains(key);
    };
    EXPECT_TRUE(contains("", "", ""));
    EXPECT_TRUE(contains("zz", "", ""));
    EXPECT_TRUE(contains("b", "b", "m"));
    EXPECT_TRUE(contains("lzz", "b", "m"));
    EXPECT_FALSE(contains("a", "b", "m"));
    EXPECT_FALSE(contains("m", "b", "m"));
    EXPECT_TRUE(contains("m", "b", ""));
    EXPECT_FALSE(contains("a", "b", ""));
    EXPECT_FALSE(contains("m", "", "m"));
    EXPECT_TRUE(contains("a", "", "m"));
}

TEST(EpochStale, WhereEitherPartIsLower) {
    EXPECT_FALSE(is_stale({3, 2}, {3, 2}));
    EXPECT_FALSE(is_stale({4, 2}, {3, 2}));
    EXPECT_TRUE(is_stale({2, 2}, {3, 2}));
    EXPECT_TRUE(is_stale({3, 1}, {3, 2}));
    EXPECT_TRUE(is_stale({9, 1}, {3, 2}));
}

struct EpochRow {
    RequestKind kind;
    bool version;
    bool conf_ver;
};
TEST(CheckRegionEpoch, Table) {
    const EpochRow rows[] = {{RequestKind::kRead, true, false},
                             {RequestKind::kWrite, true, false},
                             {RequestKind::kCompactLog, false, false},
                             {RequestKind::kChangePeer, false, true},
                             {RequestKind::kTransferLeader, true, true}};
    for (const EpochRow& row : rows) {
        const auto kind_of_error = [&](std::optional<RegionEpoch> epoch) -> std::optional<Kind> {
            const auto error = check_epoch(row.kind, epoch, checked_region());
            return error ? std::optional(error->kind) : std::nullopt;
        };
        const auto fails = [](bool does) {
            return does ? std::optional(Kind::kEpochNotMatch) : std::nullopt;
        };
        EXPECT_EQ(kind_of_error(RegionEpoch{3, 2}), std::nullopt);
        for (const uint64_t version : {1, 3}) {
            EXPECT_EQ(kind_of_error(RegionEpoch{3, version}), fails(row.version));
        }
        for (const uint64_t conf_ver : {2, 4}) {
            EXPECT_EQ(kind_of_error(RegionEpoch{conf_ver, 2}), fails(row.conf_ver));
        }
        const bool needed = row.version || row.conf_ver;
        EXPECT_EQ(kind_of_error(std::nullopt),
                  needed ? std::optional(Kind::kMessage) : std::nullopt);
    }
}

TEST(CheckHeader, InTheOrderOfTheTable) {
    const Region at = checked_region();
    PeerView view{.store = StoreId(10), .region = at, .peer = PeerId(1), .leads = true};
    view.term = raft::Term(8);
    RequestHeader header{.region = RegionId(7), .peer = at.peers[0], .epoch = at.epoch};
    const auto error = [&] { return check_header(RequestKind::kRead, header, view); };
    EXPECT_FALSE(error().has_value());
    header.epoch = RegionEpoch{3, 1};
    EXPECT_EQ(error()->kind, Kind::kEpochNotMatch);
    EXPECT_EQ(error()->regions, std::vector<Region>{at});
    header.term = raft::Term(7);
    EXPECT_EQ(error()->kind, Kind::kEpochNotMatch);  // one behind is let pass
    header.term = raft::Term(6);
    EXPECT_EQ(error()->kind, Kind::kStaleCommand);
    header.peer->id = PeerId(9);
    EXPECT_EQ(error()->kind, Kind::kMessage);
    view.leads = false;
    view.leader = at.peers[1];
    EXPECT_EQ(error()->kind, Kind::kNotLeader);
    EXPECT_EQ(error()->leader, at.peers[1]);
    header.peer->store = StoreId(99);
    const auto wrong_store = check_store(header, StoreId(10));
    EXPECT_EQ(wrong_store->kind, Kind::kStoreNotMatch);
    EXPECT_EQ(wrong_store->request_store, StoreId(99));
    EXPECT_EQ(wrong_store->actual_store, StoreId(10));
}

TEST(CheckHeader, WhoNamesNothingMeansWhoeverHoldsTheKey) {
    const Region at = checked_region();
    const PeerView view{.store = StoreId(10), .region = at, .peer = PeerId(1), .leads = true};
    EXPECT_FALSE(check_header(RequestKind::kWrite, {}, view).has_value());
    EXPECT_EQ(check_header(RequestKind::kWrite, {.region = RegionId(7)}, view)->kind,
              Kind::kMessage);
}

TEST(CheckOperations, LimitsAndRange) {
    const KeyLimits limits{4, 8, 100};
    const auto error = [&](std::string_view key, std::string_view value) -> std::optional<Kind> {
        const WriteOperation one{WriteOperation::Kind::kPut, memtable::Family::kDefault, key,
                                 value};
        const auto found = check_operations(std::span(&one, 1), checked_region(), limits);
        return found ? std::optional(found->kind) : std::nullopt;
    };
    EXPECT_EQ(error("key", "v"), std::nullopt);
    EXPECT_EQ(error("c", ""), std::nullopt);
    EXPECT_EQ(error("c2345", "v"), Kind::kMessage);
    EXPECT_EQ(error("c", "123456789"), Kind::kMessage);
    EXPECT_EQ(error("a", "v"), Kind::kKeyNotInRegion);
    EXPECT_EQ(check_operations({}, checked_region(), limits)->kind, Kind::kMessage);
}

// --- Messages ---

TEST(IsInitialMessage, VotesAndAFirstHeartbeat) {
    raft::Message message{.type = raft::MessageType::kVote};
    EXPECT_TRUE(is_initial_message(message));
    message.type = raft::MessageType::kPreVote;
    EXPECT_TRUE(is_initial_message(message));
    message.type = raft::MessageType::kHeartbeat;
    EXPECT_TRUE(is_initial_message(message));
    message.commit = raft::LogIndex(100);
    EXPECT_FALSE(is_initial_message(message));
    message = {.type = raft::MessageType::kAppend};
    EXPECT_FALSE(is_initial_message(message));
}

class Judgement : public testing::Test {
  protected:
    RaftMessage message{
        .region = RegionId(7),
        .from_peer = {PeerId(2), StoreId(20)},
        .to_peer = {PeerId(1), StoreId(10)},
        .epoch = {3, 2},
        .message = {.type = raft::MessageType::kVote, .from = PeerId(2), .to = PeerId(1)}};
    MessageVerdict judge() {
        return judge_for_peer(message, StoreId(10), PeerId(1), checked_region());
    }
    MessageVerdict judge_missing(std::optional<RegionLocalState> tombstone = std::nullopt) {
        return judge_for_missing(message, StoreId(10), tombstone);
    }
};

TEST_F(Judgement, OfMessagesToAPeer) {
    EXPECT_EQ(judge(), MessageVerdict::kStep);
    message.message.from = PeerId(5);
    EXPECT_EQ(judge(), MessageVerdict::kDrop);
    message.message.from = PeerId(2);
    message.to_peer.store = StoreId(11);
    EXPECT_EQ(judge(), MessageVerdict::kDrop);
}

TEST_F(Judgement, OfSendersThatAreBehind) {
    message.epoch = {2, 2};
    EXPECT_EQ(judge(), MessageVerdict::kStep);  // a member
    message.from_peer = {PeerId(9), StoreId(90)};
    message.message.from = PeerId(9);
    EXPECT_EQ(judge(), MessageVerdict::kTellTombstone);
    message.message.type = raft::MessageType::kHeartbeatResponse;
    EXPECT_EQ(judge(), MessageVerdict::kDrop);
}

// It knows as much as this peer does, and may be the only one that can be elected.
TEST_F(Judgement, OfSendersThatHaveAppliedTheirRemoval) {
    message.from_peer = {PeerId(9), StoreId(90)};
    message.message.from = PeerId(9);
    EXPECT_EQ(judge(), MessageVerdict::kTellTombstoneOrStep);
    message.message.type = raft::MessageType::kAppend;
    EXPECT_EQ(judge(), MessageVerdict::kStep);  // of a leader that leaves
    message.message.type = raft::MessageType::kPreVote;
    message.epoch = {4, 2};
    EXPECT_EQ(judge(), MessageVerdict::kStep);  // it may be a member by now
}

TEST_F(Judgement, OfTombstones) {
    message.tombstone = true;
    EXPECT_EQ(judge(), MessageVerdict::kDrop);  // not newer
    message.epoch = {4, 2};
    EXPECT_EQ(judge(), MessageVerdict::kDestroy);
    message.to_peer.id = PeerId(3);
    EXPECT_EQ(judge(), MessageVerdict::kDrop);
}

TEST_F(Judgement, OfTombstonesToWhoHasAppliedItsRemoval) {
    Region without = checked_region();
    std::erase_if(without.peers, [](const PeerMeta& peer) { return peer.id == PeerId(1); });
    const auto judge_removed = [&] {
        return judge_for_peer(message, StoreId(10), PeerId(1), without);
    };
    message.tombstone = true;
    EXPECT_EQ(judge_removed(), MessageVerdict::kDestroy);
    message.epoch = {2, 2};
    EXPECT_EQ(judge_removed(), MessageVerdict::kDrop);
}

TEST_F(Judgement, OfMessagesToPredecessorAndSuccessor) {
    message.epoch = {5, 2};
    message.to_peer.id = message.message.to = PeerId(4);
    EXPECT_EQ(judge(), MessageVerdict::kReplace);
    message.epoch = {3, 2};
    EXPECT_EQ(judge(), MessageVerdict::kDrop);
    EXPECT_EQ(judge_for_peer(message, StoreId(10), PeerId(6), checked_region()),
              MessageVerdict::kDrop);
}

TEST_F(Judgement, OfMessagesToNobody) {
    EXPECT_EQ(judge_missing(), MessageVerdict::kCreate);
    message.message.type = raft::MessageType::kAppend;
    EXPECT_EQ(judge_missing(), MessageVerdict::kDrop);
    message.message.type = raft::MessageType::kVote;
    const RegionLocalState tombstone{PeerState::kTombstone, PeerId(3), checked_region()};
    EXPECT_EQ(judge_missing(tombstone), MessageVerdict::kDrop);  // to a peer that was removed
    message.to_peer.id = message.message.to = PeerId(4);
    message.epoch = {5, 2};
    EXPECT_EQ(judge_missing(tombstone), MessageVerdict::kCreate);
    message.epoch = {2, 2};
    EXPECT_EQ(judge_missing(tombstone), MessageVerdict::kDrop);
}

TEST(RangesOverlap, Table) {
    EXPECT_TRUE(ranges_overlap("", "", "", ""));
    EXPECT_TRUE(ranges_overlap("a", "c", "b", ""));
    EXPECT_FALSE(ranges_overlap("a", "b", "b", "c"));
    EXPECT_FALSE(ranges_overlap("b", "", "", "b"));
}

// --- What waits ---

Proposal proposal(uint64_t index, uint64_t term, uint64_t tick = 0) {
    return {raft::LogIndex(index), raft::Term(term), [](Response) {}, tick};
}

TEST(ProposalsTest, IndexAndTermMakeAProposal) {
    Proposals proposals;
    proposals.add(proposal(10, 6));
    EXPECT_FALSE(proposals.take(raft::LogIndex(10), raft::Term(7)).has_value());
    EXPECT_TRUE(proposals.take(raft::LogIndex(10), raft::Term(6)).has_value());
    EXPECT_EQ(proposals.size(), 0u);
}

TEST(ProposalsTest, TwoLeadershipsMayHoldTheSameIndex) {
    Proposals proposals;
    for (uint64_t index = 10; index < 14; ++index) proposals.add(proposal(index, 6));
    const raft::ProposalNotice lost{raft::Term(6), raft::LogIndex(11), raft::LogIndex(13),
                                    raft::ProposalFate::kLeadershipLost};
    proposals.leadership_lost(lost, 100);
    proposals.add(proposal(12, 8));
    proposals.check_invariants();
    EXPECT_TRUE(proposals.take(raft::LogIndex(10), raft::Term(6)).has_value());
    EXPECT_TRUE(proposals.take(raft::LogIndex(11), raft::Term(6)).has_value());
    EXPECT_TRUE(proposals.take(raft::LogIndex(12), raft::Term(8)).has_value());
    const raft::ProposalNotice overwritten{raft::Term(6), raft::LogIndex(12), raft::LogIndex(13),
                                           raft::ProposalFate::kOverwritten};
    EXPECT_EQ(proposals.take_range(overwritten).size(), 2u);
    EXPECT_EQ(proposals.size(), 0u);
}

TEST(ProposalsTest, PatienceEnds) {
    Proposals proposals;
    proposals.add(proposal(10, 6, 5));
    proposals.add(proposal(11, 6, 50));
    EXPECT_EQ(proposals.take_expired(0, 20).size(), 1u);
    proposals.leadership_lost({raft::Term(6), raft::LogIndex(11), raft::LogIndex(11),
                               raft::ProposalFate::kLeadershipLost},
                              60);
    EXPECT_EQ(proposals.take_expired(60, 55).size(), 0u);
    EXPECT_EQ(proposals.take_expired(61, 55).size(), 1u);
}

raft::Write write_of(uint64_t number, uint64_t first, uint64_t count, std::string_view payload) {
    raft::Write write{.number = raft::WriteNumber(number)};
    for (uint64_t i = 0; i < count; ++i) {
        write.entries.push_back({raft::Term(6), raft::LogIndex(first + i), raft::EntryType::kNormal,
                                 raft::Payload::copy_of(payload)});
    }
    return write;
}

TEST(PeerWritesTest, OneRunOfEntriesInABatch) {
    PeerWrites writes;
    writes.add(write_of(1, 6, 3, "x"));
    writes.add(write_of(2, 9, 1, "x"));
    writes.add(write_of(3, 8, 2, "x"));  // replaces the end
    EXPECT_EQ(writes.offer(1_MiB, false).count, 2u);
    writes.accepted(2);
    EXPECT_EQ(writes.offer(1_MiB, false).count, 1u);
}

TEST(PeerWritesTest, MessagesWaitForTheirWrite) {
    PeerWrites writes;
    writes.add(write_of(1, 6, 1, "x"));
    writes.add(write_of(2, 7, 1, "x"));
    writes.hold({raft::WriteNumber(1), {raft::Message{}}});
    writes.hold({raft::WriteNumber(2), {raft::Message{}, raft::Message{}}});
    writes.accepted(2);
    EXPECT_EQ(writes.durable(raft::WriteNumber(1)).size(), 1u);
    EXPECT_EQ(writes.durable(raft::WriteNumber(2)).size(), 2u);
    EXPECT_TRUE(writes.idle());
}

TEST(PeerWritesTest, WhatIsRefusedGoesAgainInOrder) {
    PeerWrites writes;
    for (uint64_t number = 1; number <= 3; ++number)
        writes.add(write_of(number, 5 + number, 1, "x"));
    writes.accepted(1);
    writes.accepted(1);
    writes.refused(raft::WriteNumber(1), raft::WriteNumber(1));
    EXPECT_EQ(writes.offer(1_MiB, false).count, 0u);  // the second one's fate is not known yet
    writes.refused(raft::WriteNumber(2), raft::WriteNumber(2));
    EXPECT_EQ(writes.offer(1_MiB, false).count, 3u);
    EXPECT_EQ(writes.waiting(0).number, raft::WriteNumber(1));
}

// The log may refuse what waits in it while an earlier batch is on its way to the disk. Written
// again, the earlier one would come behind entries that are applied already.
TEST(PeerWritesTest, ARefusedWriteTakesNoEarlierOneAlong) {
    PeerWrites writes;
    for (uint64_t number = 1; number <= 3; ++number)
        writes.add(write_of(number, 5 + number, 1, "x"));
    writes.accepted(1);
    writes.accepted(2);
    writes.refused(raft::WriteNumber(2), raft::WriteNumber(3));
    writes.check_invariants();
    EXPECT_EQ(writes.offer(1_MiB, false).count, 2u);
    EXPECT_EQ(writes.waiting(0).number, raft::WriteNumber(2));
    writes.durable(raft::WriteNumber(1));
    writes.accepted(2);
    writes.durable(raft::WriteNumber(3));
    EXPECT_TRUE(writes.idle());
}

HeldWrite held_write(uint64_t tick) { return {raft::Payload::copy_of("x"), {}, tick}; }

void hold(WriteGate& gate, size_t writes) {
    for (size_t i = 0; i < writes; ++i) gate.hold(held_write(1));
}

// What the gate lets go is proposed in one term, up to `last`.
size_t propose(WriteGate& gate, uint64_t last, uint64_t committed) {
    const size_t taken = gate.take(raft::Term(3), raft::LogIndex(committed)).size();
    if (taken > 0) gate.proposed(raft::LogIndex(last), taken);
    gate.check_invariants();
    return taken;
}

TEST(WriteGateTest, TwoRoundsAreUnderWayAndTheRestWaits) {
    WriteGate gate;
    for (uint64_t last = 10; last <= 11; ++last) {
        hold(gate, 1);
        EXPECT_EQ(propose(gate, last, 9), 1u);
    }
    hold(gate, 2);
    EXPECT_EQ(propose(gate, 13, 9), 0u);
    EXPECT_EQ(propose(gate, 13, 10), 2u);  // the first is committed
}

TEST(WriteGateTest, ASecondRoundIsAsLongAsTheFirst) {
    WriteGate gate;
    hold(gate, 4);
    EXPECT_EQ(propose(gate, 17, 9), 4u);
    hold(gate, 3);
    EXPECT_EQ(propose(gate, 20, 9), 0u);
    hold(gate, 1);
    EXPECT_EQ(propose(gate, 21, 9), 4u);
    hold(gate, 1);
    EXPECT_EQ(propose(gate, 22, 17), 0u);
    EXPECT_EQ(propose(gate, 22, 21), 1u);  // none is under way
}

TEST(WriteGateTest, ALongRoundWaitsForNone) {
    WriteGate gate;
    hold(gate, 1);
    EXPECT_EQ(propose(gate, 10, 9), 1u);
    hold(gate, 1);
    EXPECT_EQ(propose(gate, 11, 9), 1u);
    hold(gate, 511);
    EXPECT_EQ(propose(gate, 522, 9), 0u);
    hold(gate, 1);
    EXPECT_EQ(propose(gate, 523, 9), 512u);
}

TEST(WriteGateTest, AnotherTermBeginsWithoutRounds) {
    WriteGate gate;
    gate.take(raft::Term(3), raft::LogIndex(9));
    gate.proposed(raft::LogIndex(10), 4);
    gate.proposed(raft::LogIndex(20), 4);
    hold(gate, 1);
    EXPECT_EQ(gate.take(raft::Term(5), raft::LogIndex(9)).size(), 1u);
    gate.proposed(raft::LogIndex(15), 1);
    gate.check_invariants();
}

TEST(WriteGateTest, WhatCannotBeProposedIsGivenBack) {
    WriteGate gate;
    gate.take(raft::Term(3), raft::LogIndex(9));
    gate.proposed(raft::LogIndex(10), 1);
    gate.proposed(raft::LogIndex(11), 1);
    gate.hold(held_write(5));
    EXPECT_TRUE(gate.take_expired(5).empty());
    EXPECT_EQ(gate.take_expired(6).size(), 1u);
    gate.hold(held_write(7));
    EXPECT_EQ(gate.take(std::nullopt, raft::LogIndex(9)).size(), 1u);  // it is refused
}

TEST(PeerWritesTest, WithoutRoomVotesGo) {
    PeerWrites writes;
    writes.add(write_of(1, 6, 1, ""));
    writes.add(write_of(2, 7, 1, "x"));
    writes.add(write_of(3, 8, 1, ""));
    EXPECT_EQ(writes.offer(1_MiB, true).count, 1u);
    EXPECT_FALSE(writes.offer(1_MiB, false).urgent);
}

TEST(PeerWritesTest, NothingGoesBesideAnInstall) {
    PeerWrites writes;
    writes.add(write_of(1, 6, 1, "x"));
    raft::Write install = write_of(2, 21, 1, "x");
    install.snapshot = std::make_shared<raft::Snapshot>();
    writes.add(std::move(install));
    writes.add(write_of(3, 22, 1, "x"));
    EXPECT_EQ(writes.offer(1_MiB, false).count, 1u);
    writes.accepted(1);
    EXPECT_EQ(writes.offer(1_MiB, false).count, 1u);
    writes.accepted(1);
    EXPECT_TRUE(writes.installing());
    EXPECT_EQ(writes.offer(1_MiB, false).count, 0u);
    EXPECT_TRUE(writes.durable(raft::WriteNumber(2)).empty());
    EXPECT_FALSE(writes.installing());
    EXPECT_EQ(writes.offer(1_MiB, false).count, 1u);
}

TEST(SnapshotLayoutTest, PlacesAndPositions) {
    const SnapshotLayout layout(
        {checked_region(),
         {{memtable::Family::kDefault, {}, 10, 0}, {memtable::Family::kLock, {}, 5, 0}}});
    EXPECT_EQ(layout.total(), 15u);
    EXPECT_EQ(layout.place(9).file, 0u);
    EXPECT_EQ(layout.place(10).file, 1u);
    EXPECT_EQ(layout.place(15).file, 2u);
    EXPECT_EQ(layout.position(1, 4), std::optional<uint64_t>(14));
    EXPECT_EQ(layout.position(2, 0), std::optional<uint64_t>(15));
    EXPECT_EQ(layout.position(1, 5), std::nullopt);
    EXPECT_EQ(layout.position(7, 0), std::nullopt);
}

}  // namespace
}  // namespace timber::raftstore
