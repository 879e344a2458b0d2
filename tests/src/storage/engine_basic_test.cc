// Commit, apply, read and recover.
#include "tests/src/storage/engine_fixture.h"

namespace timber::storage {
namespace {

TEST_F(EngineTest, FreshStoreHasItsIdentityAndNoRegion) {
    open_well();
    EXPECT_TRUE(engine_->report().created);
    EXPECT_EQ(engine_->identity(), kIdentity);
    EXPECT_TRUE(engine_->regions().empty());
    EXPECT_FALSE(engine_->region(kRegion));
    reopen();
    EXPECT_FALSE(engine_->report().created);
    EXPECT_EQ(engine_->identity(), kIdentity);
}

TEST_F(EngineTest, CreatedRegionIsThereAfterEveryDeath) {
    open_well();
    create();
    for (const Death death : {Death::kProcessDeath, Death::kPowerCut}) {
        crash_and_open(death);
        EXPECT_EQ(engine_->regions(), std::vector<RegionId>{kRegion});
        EXPECT_EQ(summary().last_index, raft::LogIndex(5));
        EXPECT_EQ(summary().hard_state.term, raft::Term(5));
        EXPECT_EQ(summary().applied.region_state, "new");
    }
}

TEST_F(EngineTest, AppliedEntriesAreReplayedAfterACrash) {
    open_well();
    create();
    ASSERT_TRUE(append(kRegion, 6, 20).ok());
    ASSERT_TRUE(apply(kRegion, 15).ok());
    // The applied index rides in the next batch.
    ASSERT_TRUE(append(kRegion, 26, 1).ok());
    crash_and_open(Death::kPowerCut);
    EXPECT_EQ(summary().applied.applied, raft::LogIndex(15));
    EXPECT_EQ(summary().last_index, raft::LogIndex(26));
    EXPECT_EQ(engine_->report().entries_replayed, 10u);
    EXPECT_EQ(get("key-15").substr(0, 4), "15@5");
    EXPECT_EQ(get("key-16"), "(none)");
}

TEST_F(EngineTest, FlushedEntriesAreNotReplayed) {
    open_well();
    create();
    ASSERT_TRUE(append(kRegion, 6, 20).ok());
    ASSERT_TRUE(apply(kRegion, 20).ok());
    flush();
    ASSERT_TRUE(apply(kRegion, 22).ok());
    ASSERT_TRUE(append(kRegion, 26, 1).ok());
    crash_and_open(Death::kPowerCut);
    EXPECT_EQ(engine_->report().entries_replayed, 2u);
    EXPECT_EQ(get("key-22").substr(0, 4), "22@5");
}

TEST_F(EngineTest, NewEntriesReplaceTheEndOfTheLog) {
    open_well();
    create();
    ASSERT_TRUE(append(kRegion, 6, 10, 5).ok());
    ASSERT_TRUE(append(kRegion, 10, 2, 6).ok());
    const auto check = [&] {
        EXPECT_EQ(summary().last_index, raft::LogIndex(11));
        EXPECT_EQ(*engine_->term(kRegion, raft::LogIndex(9)), raft::Term(5));
        EXPECT_EQ(*engine_->term(kRegion, raft::LogIndex(10)), raft::Term(6));
        EXPECT_EQ(engine_->term(kRegion, raft::LogIndex(12)).error().code, ErrorCode::kNotFound);
        EXPECT_EQ(entries(kRegion, 6, 12).size(), 6u);
    };
    check();
    crash_and_open(Death::kPowerCut);
    check();
}

TEST_F(EngineTest, EntriesThatTheCacheLetGoOfAreReadBack) {
    options_.entry_cache_bytes = 4_KiB;
    open_well();
    create();
    for (uint64_t index = 6; index < 106; ++index)
        ASSERT_TRUE(append(kRegion, index, 1, 5, 500).ok());
    const std::vector<raft::Entry> list = entries(kRegion, 6, 106, 10_KiB);
    ASSERT_GT(list.size(), 5u);
    for (size_t i = 0; i < list.size(); ++i) EXPECT_EQ(list[i], entry(6 + i, 5, 500));
    EXPECT_GT(engine_->stats().entries_read_from_disk, 0u);
    EXPECT_GT(entries_ready_calls_, 0u);
}

TEST_F(EngineTest, LogIsReleasedOnceFlushedAndTruncated) {
    options_.log.segment_bytes = 128_KiB;
    open_well();
    create();
    uint64_t next = 6;
    for (int round = 0; round < 6; ++round) {
        for (int i = 0; i < 20; ++i, ++next) ASSERT_TRUE(append(kRegion, next, 1, 5, 4000).ok());
        ASSERT_TRUE(apply(kRegion, next - 1).ok());
        ASSERT_TRUE(
            apply_commands(kRegion, Commands().truncate({raft::LogIndex(next - 1), raft::Term(5)}))
                .ok());
        ++next;
        flush();
    }
    let_time_pass(std::chrono::seconds(2));
    EXPECT_LE(engine_->stats().log.segments_live, 3u);
    crash_and_open(Death::kPowerCut);
    EXPECT_EQ(summary().last_index, raft::LogIndex(next - 1));
    EXPECT_EQ(get("key-8").substr(0, 3), "8@5");
}

TEST_F(EngineTest, LocalRowsSurviveAndGo) {
    open_well();
    WriteBatch batch;
    batch.put_local(1, "one");
    batch.put_local(2, "two");
    ASSERT_TRUE(commit(std::move(batch)).ok());
    WriteBatch removal;
    removal.remove_local(1);
    ASSERT_TRUE(commit(std::move(removal)).ok());
    crash_and_open(Death::kPowerCut);
    EXPECT_EQ(engine_->local(1), nullptr);
    ASSERT_NE(engine_->local(2), nullptr);
    EXPECT_EQ(*engine_->local(2), "two");
    EXPECT_EQ(engine_->local_keys(), std::vector<uint64_t>{2});
}

TEST_F(EngineTest, DestroyedRegionLeavesATombstoneAndNoData) {
    open_well();
    create();
    ASSERT_TRUE(append(kRegion, 6, 5).ok());
    ASSERT_TRUE(apply(kRegion, 10).ok());
    WriteBatch batch;
    batch.destroy_region(kRegion, {"", ""}, "tombstone");
    ASSERT_TRUE(commit(std::move(batch)).ok());
    const auto check = [&] {
        EXPECT_EQ(summary().applied.region_state, "tombstone");
        EXPECT_EQ(summary().last_index, raft::LogIndex());
        EXPECT_EQ(get("key-7"), "(none)");
    };
    check();
    crash_and_open(Death::kPowerCut);
    check();
    flush();
    crash_and_open(Death::kPowerCut);
    check();
    create();
    ASSERT_TRUE(append(kRegion, 6, 5, 9).ok());
    crash_and_open(Death::kProcessDeath);
    EXPECT_EQ(summary().last_term, raft::Term(9));
}

// What was applied while the end was on its way is no news of a Region that is no more.
TEST_F(EngineTest, ApplyingInFrontOfTheEndLeavesNoProgress) {
    constexpr RegionId kOther{9};
    open_well();
    create();
    create(kOther);
    ASSERT_TRUE(append(kRegion, 6, 5).ok());
    WriteBatch batch;
    batch.destroy_region(kRegion, {"", ""}, "tombstone");
    const auto answer = begin_commit(std::move(batch));
    ASSERT_FALSE(answer->has_value());
    ASSERT_TRUE(apply(kRegion, 8).ok());
    run_until([&] { return answer->has_value(); });
    ASSERT_TRUE((*answer)->ok());
    ASSERT_TRUE(append(kOther, 6, 1).ok());
    crash_and_open(Death::kPowerCut);
    EXPECT_EQ(summary().applied.region_state, "tombstone");
    EXPECT_EQ(summary(kOther).last_index, raft::LogIndex(6));
}

}  // namespace
}  // namespace timber::storage
