// What committed entries do, and what they do not.
#include "src/raftstore/apply.h"

#include <gtest/gtest.h>

#include <map>

#include "src/base/mistake.h"

namespace timber::raftstore {
namespace {

Region applied_region() {
    return {
        .id = RegionId(7),
        .start_key = "b",
        .end_key = "m",
        .epoch = {3, 2},
        .peers = {{PeerId(1), StoreId(10)}, {PeerId(2), StoreId(20)}, {PeerId(3), StoreId(30)}}};
}

// A Region to which entries are applied one after the other.
class ApplyTest : public testing::Test {
  protected:
    RegionLocalState local{PeerState::kNormal, PeerId(1), applied_region()};
    storage::TruncatedState truncated{kInitialIndex, kInitialTerm};
    memtable::WriteBatch effects;
    raft::LogIndex last = kInitialIndex;

    AppliedKind apply(raft::Payload payload, raft::EntryType type = raft::EntryType::kNormal) {
        ++last;
        return apply_entry({raft::Term(6), last, type, std::move(payload)}, local, truncated,
                           effects)
            .value();
    }
    AppliedKind write(RegionEpoch epoch, std::string_view key) {
        const WriteOperation operation{WriteOperation::Kind::kPut, memtable::Family::kDefault, key,
                                       "v"};
        return apply(encode_write(epoch, std::span(&operation, 1)));
    }
    AppliedKind change(raft::ConfChangeType type, PeerMeta peer, RegionEpoch epoch) {
        return apply(raft::encode_conf_change({type, peer.id, encode_change_peer(epoch, peer)}),
                     raft::EntryType::kConfChange);
    }
    AppliedKind change(raft::ConfChangeType type, PeerMeta peer) {
        return change(type, peer, local.region.epoch);
    }
};

TEST_F(ApplyTest, AnEmptyEntryDoesNothing) {
    EXPECT_EQ(apply({}), AppliedKind::kNothing);
    EXPECT_TRUE(effects.empty());
}

TEST_F(ApplyTest, AWriteIsAppliedAsAWhole) {
    const std::vector<WriteOperation> operations = {
        {WriteOperation::Kind::kPut, memtable::Family::kDefault, "c", "1"},
        {WriteOperation::Kind::kDelete, memtable::Family::kLock, "d", {}}};
    EXPECT_EQ(apply(encode_write({3, 2}, operations)), AppliedKind::kWritten);
    EXPECT_EQ(effects.operations(), 2u);
}

struct EpochCase {
    RegionEpoch epoch;
    AppliedKind expected;
};
// A write keeps its meaning through changes of membership, not through those of the range.
TEST_F(ApplyTest, EpochsOfWrites) {
    const EpochCase cases[] = {{{3, 2}, AppliedKind::kWritten},
                               {{1, 2}, AppliedKind::kWritten},
                               {{9, 2}, AppliedKind::kWritten},
                               {{3, 1}, AppliedKind::kEpochNotMatch},
                               {{3, 3}, AppliedKind::kEpochNotMatch}};
    for (const EpochCase& one : cases) EXPECT_EQ(write(one.epoch, "c"), one.expected);
    EXPECT_EQ(effects.operations(), 3u);
}

#ifdef TIMBER_WITH_MISTAKES
TEST_F(ApplyTest, TheEpochTableNoticesTheMistake) {
    mistake_active = Mistake::rs_epoch_unchecked;
    const AppliedKind kind = write({3, 1}, "c");
    mistake_active = Mistake::kCount;
    EXPECT_NE(kind, AppliedKind::kEpochNotMatch);
}
#endif

TEST_F(ApplyTest, OneKeyOutsideRefusesTheWhole) {
    const std::vector<WriteOperation> operations = {
        {WriteOperation::Kind::kPut, memtable::Family::kDefault, "c", "1"},
        {WriteOperation::Kind::kPut, memtable::Family::kDefault, "m", "1"}};
    EXPECT_EQ(apply(encode_write({3, 2}, operations)), AppliedKind::kKeyNotInRegion);
    EXPECT_TRUE(effects.empty());
}

TEST_F(ApplyTest, CompactionOnlyGoesUp) {
    for (int i = 0; i < 20; ++i) apply({});  // last is 25
    EXPECT_EQ(apply(encode_compact_log(raft::LogIndex(12), raft::Term(6))),
              AppliedKind::kCompacted);
    EXPECT_EQ(truncated.index, raft::LogIndex(12));
    // Twice, and backwards.
    apply(encode_compact_log(raft::LogIndex(12), raft::Term(6)));
    apply(encode_compact_log(raft::LogIndex(8), raft::Term(6)));
    EXPECT_EQ(truncated.index, raft::LogIndex(12));
    EXPECT_EQ(truncated.term, raft::Term(6));
}

TEST_F(ApplyTest, NothingIsCompactedThatWasNotAppliedBefore) {
    apply(encode_compact_log(last + 1, raft::Term(6)));
    EXPECT_EQ(truncated.index, kInitialIndex);
    apply(encode_compact_log(raft::LogIndex(1000), raft::Term(6)));
    EXPECT_EQ(truncated.index, kInitialIndex);
}

TEST_F(ApplyTest, MembersComeAndGo) {
    using Type = raft::ConfChangeType;
    const PeerMeta four{PeerId(4), StoreId(40), false, "h:4"};
    EXPECT_EQ(change(Type::kAddLearner, four), AppliedKind::kMembership);
    EXPECT_EQ(local.region.epoch, (RegionEpoch{4, 2}));
    EXPECT_TRUE(local.region.find_peer(PeerId(4))->learner);
    EXPECT_EQ(change(Type::kAddVoter, four), AppliedKind::kMembership);
    EXPECT_FALSE(local.region.find_peer(PeerId(4))->learner);
    EXPECT_EQ(change(Type::kRemove, {PeerId(2), StoreId(20)}), AppliedKind::kMembership);
    EXPECT_EQ(local.region.epoch.conf_ver, 6u);
    EXPECT_EQ(local.region.find_store(StoreId(20)), nullptr);
    EXPECT_EQ(local.region.conf_state().voters,
              (std::vector<PeerId>{PeerId(1), PeerId(3), PeerId(4)}));
}

TEST_F(ApplyTest, ChangesThatDoNotFitDoNothing) {
    using Type = raft::ConfChangeType;
    const Region before = local.region;
    EXPECT_EQ(change(Type::kAddVoter, {PeerId(1), StoreId(10)}), AppliedKind::kBadChange);
    EXPECT_EQ(change(Type::kAddVoter, {PeerId(9), StoreId(10)}), AppliedKind::kBadChange);
    EXPECT_EQ(change(Type::kRemove, {PeerId(9), StoreId(90)}), AppliedKind::kBadChange);
    EXPECT_EQ(change(Type::kAddVoter, {PeerId(9), StoreId(90)}, {2, 2}),
              AppliedKind::kEpochNotMatch);
    EXPECT_EQ(change(Type::kAddVoter, {PeerId(9), StoreId(90)}, {4, 2}),
              AppliedKind::kEpochNotMatch);
    EXPECT_EQ(local.region, before);
}

TEST_F(ApplyTest, WhatCannotBeUnderstoodIsAnError) {
    const auto error = [&](std::string_view bytes) {
        return apply_entry({raft::Term(6), last + 1, raft::EntryType::kNormal,
                            raft::Payload::copy_of(bytes)},
                           local, truncated, effects)
            .error()
            .code;
    };
    EXPECT_EQ(error("\x02"), ErrorCode::kNewerFormat);
    EXPECT_EQ(error("\x01"), ErrorCode::kCorrupted);
    local.state = PeerState::kUninitialized;
    EXPECT_EQ(error("\x01\x01\x01\x01"), ErrorCode::kCorrupted);
}

// Recovery comes to the same as the running Store.
TEST(RegionApplierTest, KeepsTheRegionAsItIsStored) {
    RegionApplier applier;
    storage::AppliedState state{.applied = kInitialIndex,
                                .applied_term = kInitialTerm,
                                .truncated = {kInitialIndex, kInitialTerm}};
    state.region_state =
        encode_region_local_state({PeerState::kNormal, PeerId(1), applied_region()});
    memtable::WriteBatch effects;
    const PeerMeta four{PeerId(4), StoreId(40), true};
    const raft::Entry entry{raft::Term(6), raft::LogIndex(6), raft::EntryType::kConfChange,
                            raft::encode_conf_change({raft::ConfChangeType::kAddLearner, four.id,
                                                      encode_change_peer({3, 2}, four)})};
    ASSERT_TRUE(applier.apply(RegionId(7), entry, state, effects).ok());
    const RegionLocalState local = *decode_region_local_state(state.region_state);
    EXPECT_EQ(local.region.epoch.conf_ver, 4u);
    EXPECT_EQ(local.region.peers.size(), 4u);
    EXPECT_EQ(state.applied, kInitialIndex);  // the engine's to set
    EXPECT_FALSE(applier.apply(RegionId(8), entry, state, effects).ok());
}

}  // namespace
}  // namespace timber::raftstore
