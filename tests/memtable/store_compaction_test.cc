// Compactions seen through the front door: nothing that anybody may still see is lost, and what
// nobody can see goes away.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/memtable/store_fixture.h"

namespace timber::memtable {
namespace {

class StoreCompaction : public testing::Test {
  protected:
    StoreCompaction() { EXPECT_TRUE(store.open()); }
    uint64_t file_bytes() const {
        uint64_t bytes = 0;
        for (const auto& family : store.store().stats().levels)
            for (const LevelStats& level : family) bytes += level.bytes;
        return bytes;
    }
    mutable StoreFixture store;
};

TEST_F(StoreCompaction, OverwritesManyTimesKeepTheNewestAndLittleElse) {
    for (int version = 1; version <= 10; ++version) store.put_many("k", 400, 100, version);
    store.flush();
    store.compact();
    store.settle();
    const Contents contents = store.contents();
    ASSERT_EQ(contents.size(), 400u);
    for (size_t number = 0; number < 400; ++number)
        EXPECT_EQ(contents.at(StoreFixture::many_key("k", number)),
                  StoreFixture::many_value(number, 100, 10));
    EXPECT_LT(file_bytes(), 2u * 400 * 105);
    EXPECT_GT(store.store().stats().compactions, 0u);
    EXPECT_EQ(store.store().stats().debt_bytes, 0u);
}

TEST_F(StoreCompaction, WhatIsDueAtAnOpeningWaitsForTheEndOfRecovery) {
    const size_t usual = store.options.level0_files_compact;
    store.close();
    store.options.level0_files_compact = store.options.level0_files_slow - 1;
    ASSERT_TRUE(store.open());
    for (size_t file = 0; file < usual; ++file) {
        store.put_many("k", 10, 100, static_cast<int>(file));
        store.flush();
    }
    store.close();
    store.options.level0_files_compact = usual;
    ASSERT_TRUE(store.open(false));
    store.put("k", "of the replay");
    store.run();
    EXPECT_EQ(store.store().stats().compactions, 0u);
    store.store().finish_recovery();
    store.run();
    EXPECT_GT(store.store().stats().compactions, 0u);
}

TEST_F(StoreCompaction, SnapshotsSeeTheSameAcrossFlushesCompactionsAndRangeRemoves) {
    std::vector<std::pair<SnapshotRef, Contents>> moments;
    for (int version = 1; version <= 6; ++version) {
        store.put_many("k", 150, 100, version);
        if (version % 2 == 0) store.remove_range("k0020", "k0060");
        store.remove(StoreFixture::many_key("k", static_cast<size_t>(version)));
        moments.emplace_back(store.store().snapshot(), store.contents());
        if (version % 3 == 0) store.flush();
    }
    store.flush();
    store.compact();
    store.settle();
    for (const auto& [snapshot, contents] : moments)
        EXPECT_EQ(store.contents(Family::kDefault, snapshot.get()), contents);
    // Let go, one after the other, with a compaction each.
    while (!moments.empty()) {
        moments.pop_back();
        store.put("z", "1");
        store.compact();
        for (const auto& [snapshot, contents] : moments)
            EXPECT_EQ(store.contents(Family::kDefault, snapshot.get()), contents);
    }
    EXPECT_EQ(store.store().stats().snapshots, 0u);
}

TEST_F(StoreCompaction, WhatIsRemovedLeavesTheDisk) {
    store.put_many("k", 1500);
    store.flush();
    store.settle();
    EXPECT_GT(file_bytes(), 100'000u);
    store.remove_range("", "");
    store.compact();
    store.settle();
    EXPECT_EQ(store.contents(), Contents());
    EXPECT_LT(file_bytes(), 10'000u);
    store.run();
    EXPECT_LE(store.table_files().size(), 2u);
}

TEST_F(StoreCompaction, ARangeIsCompactedAloneAndWithWhatWasInMemory) {
    store.put_many("a", 50);
    store.put_many("b", 50);
    store.put_many("c", 50, 100, 1, Family::kWrite);
    store.compact(Family::kDefault, {"a", "b"});
    EXPECT_EQ(store.store().stats().levels[0][0].files, 0u);
    EXPECT_EQ(store.store().stats().levels[index_of(Family::kWrite)][0].files, 1u);
    EXPECT_EQ(store.contents().size(), 100u);
}

TEST_F(StoreCompaction, OldFilesStayWhileSomebodyReadsThem) {
    store.put_many("k", 300, 100, 1);
    store.flush();
    const auto iterator = store.store().new_iterator({}, Family::kDefault);
    store.world().run_job([&] { iterator->seek_to_first(); });
    store.put_many("k", 300, 100, 2);
    store.compact();
    store.settle();
    store.run();
    size_t count = 0;
    store.world().run_job([&] {
        for (; iterator->valid(); iterator->next(), ++count)
            EXPECT_EQ(iterator->value(), StoreFixture::many_value(count, 100, 1));
        EXPECT_TRUE(iterator->status());
    });
    EXPECT_EQ(count, 300u);
}

TEST_F(StoreCompaction, SlowsWritersBeforeItStopsThem) {
    store.close();
    store.options.background_bytes_per_second = 20'000;
    store.options.debt_bytes_slow = 50_KiB;
    store.options.debt_bytes_stop = 500_KiB;
    ASSERT_TRUE(store.open());
    Duration delay_max{};
    bool delayed_before_stopped = false;
    WriteBatch batch;
    batch.put(Family::kDefault, "k", std::string(500, 'v'));
    for (int i = 0; i < 3000; ++i) {
        const Pace pace = store.store().pace(500);
        if (pace.stopped) break;
        delayed_before_stopped |= pace.delay > Duration{};
        delay_max = std::max(delay_max, pace.delay);
        if (!store.write(batch)) break;
        store.world().run_for(std::chrono::milliseconds(1));
    }
    EXPECT_TRUE(delayed_before_stopped);
    EXPECT_GT(store.store().stats().delay_us, 0u);
}

}  // namespace
}  // namespace timber::memtable
