// Writing and reading: batches, snapshots, iterators, and what is refused.
#include <gtest/gtest.h>

#include "tests/memtable/store_fixture.h"

namespace timber::memtable {
namespace {

class StoreWrite : public testing::Test {
  protected:
    StoreWrite() { EXPECT_TRUE(store.open()); }
    StoreFixture store;
};

TEST_F(StoreWrite, ReadsWhatWasWritten) {
    store.put("a", "1");
    store.put("b", "");
    EXPECT_EQ(*store.get("a").value(), "1");
    EXPECT_EQ(*store.get("b").value(), "");
    EXPECT_EQ(store.get("c").value(), std::nullopt);
    EXPECT_EQ(store.contents(), (Contents{{"a", "1"}, {"b", ""}}));
}

TEST_F(StoreWrite, FamiliesAreApart) {
    store.put("k", "default");
    store.put("k", "meta", Family::kMeta);
    EXPECT_EQ(*store.get("k", nullptr, Family::kMeta).value(), "meta");
    EXPECT_EQ(store.get("k", nullptr, Family::kLock).value(), std::nullopt);
    store.remove_range("", "", Family::kDefault);
    EXPECT_EQ(store.contents(), Contents());
    EXPECT_EQ(store.contents(Family::kMeta), (Contents{{"k", "meta"}}));
}

TEST_F(StoreWrite, EachOperationTakesASequenceAndTheBatchIsSeenAtItsLast) {
    EXPECT_EQ(store.put("a", "1"), Sequence(1));
    WriteBatch batch;
    batch.put(Family::kDefault, "a", "2");
    batch.remove(Family::kDefault, "a");
    batch.put(Family::kDefault, "b", "2");
    EXPECT_EQ(store.write(batch).value(), Sequence(4));
    EXPECT_EQ(store.store().sequence_last(), Sequence(4));
    EXPECT_EQ(store.contents(), (Contents{{"b", "2"}}));
    EXPECT_EQ(store.write(WriteBatch()).value(), Sequence(4));
}

TEST_F(StoreWrite, ABatchThatRemovesARangeAndWritesIntoItKeepsItsOrder) {
    store.put("b", "old");
    WriteBatch batch;
    batch.put(Family::kDefault, "a", "gone");
    batch.remove_range(Family::kDefault, "a", "c");
    batch.put(Family::kDefault, "b", "new");
    ASSERT_TRUE(store.write(batch));
    EXPECT_EQ(store.contents(), (Contents{{"b", "new"}}));
    store.flush();
    EXPECT_EQ(store.contents(), (Contents{{"b", "new"}}));
}

TEST_F(StoreWrite, ASnapshotSeesTheSameUntilItIsLetGo) {
    store.put("a", "1");
    store.put("b", "1");
    const SnapshotRef before = store.store().snapshot();
    store.put("a", "2");
    store.remove("b");
    EXPECT_EQ(store.contents(Family::kDefault, before.get()), (Contents{{"a", "1"}, {"b", "1"}}));
    EXPECT_EQ(*store.get("b", before.get()).value(), "1");
    EXPECT_EQ(store.contents(), (Contents{{"a", "2"}}));
}

TEST_F(StoreWrite, AnIteratorShowsTheMomentOfItsMakingWithinItsBounds) {
    store.put_many("k", 20, 10);
    const auto iterator =
        store.store().new_iterator({.lower = "k0003", .upper = "k0006"}, Family::kDefault);
    store.remove_range("", "");
    std::vector<std::string> keys;
    store.world().run_job([&] {
        for (iterator->seek_to_first(); iterator->valid(); iterator->next())
            keys.emplace_back(iterator->key());
        EXPECT_TRUE(iterator->status());
    });
    EXPECT_EQ(keys, (std::vector<std::string>{"k0003", "k0004", "k0005"}));
}

TEST_F(StoreWrite, WhatIsTooLargeIsRefusedBeforeAnythingIsApplied) {
    WriteBatch batch;
    batch.put(Family::kDefault, "a", "1");
    batch.put(Family::kDefault, std::string(kKeyBytesMax + 1, 'k'), "1");
    EXPECT_TRUE(fails(Status(store.write(batch).error()), ErrorCode::kTooLarge));
    EXPECT_EQ(store.contents(), Contents());
    EXPECT_EQ(store.store().sequence_last(), Sequence(0));
}

TEST_F(StoreWrite, WritesAreRefusedWhileTheMemoryTablesAreFullAndTheOwnerIsToldWhenItMayTryAgain) {
    WriteBatch batch;
    batch.put(Family::kDefault, "k", std::string(8000, 'v'));
    Result<Sequence> written = Sequence();
    // The world stands still, so no flush gets anywhere.
    for (int i = 0; i < 100 && written; ++i) written = store.write(batch);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::kBusy);
    EXPECT_TRUE(store.store().pace(1).stopped);
    EXPECT_EQ(store.store().stats().writes_refused, 1u);
    EXPECT_EQ(store.times_writable, 0u);
    store.run();
    EXPECT_EQ(store.times_writable, 1u);
    EXPECT_FALSE(store.store().pace(1).stopped);
    EXPECT_TRUE(store.write(batch));
}

TEST_F(StoreWrite, ReadsFromMemoryAloneAreBusyWhereABlockIsNeeded) {
    store.put_many("k", 10);
    store.flush();
    PinnedValue value;
    const auto cold = store.store().get({.cache_only = true}, Family::kDefault, "k0003", value);
    EXPECT_TRUE(fails(Status(cold.error()), ErrorCode::kBusy));
    EXPECT_TRUE(store.get("k0003").value());
    EXPECT_TRUE(store.store().get({.cache_only = true}, Family::kDefault, "k0003", value).value());
    EXPECT_EQ(value.view(), StoreFixture::many_value(3, 100, 1));
}

TEST_F(StoreWrite, StatisticsCount) {
    store.put_many("k", 10, 95);
    store.flush();
    store.put("last", "1");
    const StoreStats stats = store.store().stats();
    EXPECT_EQ(stats.batches, 11u);
    EXPECT_EQ(stats.operations, 11u);
    EXPECT_EQ(stats.user_bytes, 10u * 100 + 5);
    EXPECT_EQ(stats.flushes, 1u);
    EXPECT_GT(stats.flush_bytes_written, 900u);
    EXPECT_GT(stats.manifest_bytes_written, 0u);
    EXPECT_EQ(stats.levels[0][0].files, 1u);
    EXPECT_EQ(stats.levels[0][0].bytes, stats.flush_bytes_written);
    EXPECT_GT(stats.memory_table_bytes, 0u);
    EXPECT_EQ(stats.memory_tables_sealed, 0u);
}

TEST_F(StoreWrite, EstimatesSizesAndMiddles) {
    store.put_many("k", 2000);
    store.flush();
    store.settle();
    const uint64_t all = store.store().approximate_bytes(Family::kDefault, {});
    EXPECT_GT(all, 150'000u);
    EXPECT_LT(all, 300'000u);
    const uint64_t half = store.store().approximate_bytes(Family::kDefault, {"", "k1000"});
    EXPECT_GT(half, all * 4 / 10);
    EXPECT_LT(half, all * 6 / 10);
    const auto middle = store.store().middle_key(Family::kDefault, {});
    ASSERT_TRUE(middle);
    EXPECT_GT(*middle, "k0700");
    EXPECT_LT(*middle, "k1300");
    EXPECT_EQ(store.store().middle_key(Family::kLock, {}), std::nullopt);
}

}  // namespace
}  // namespace timber::memtable
