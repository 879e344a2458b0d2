// Flushes and lives: what is durable, from when on, and what a crash leaves.
#include <gtest/gtest.h>

#include "tests/memtable/store_fixture.h"

namespace timber::memtable {
namespace {

class StoreFlush : public testing::Test {
  protected:
    StoreFlush() { EXPECT_TRUE(store.open()); }
    StoreFixture store;
};

TEST_F(StoreFlush, AFlushIsDurableAndTheRestIsTheLogs) {
    store.put("a", "1");
    store.flush();
    store.put("b", "2");
    store.crash_and_open();
    EXPECT_EQ(store.contents(), (Contents{{"a", "1"}}));
    EXPECT_EQ(store.store().flushed(), Sequence(1));
    // Written again by the owner, under sequences that were never used for anything else.
    EXPECT_GT(store.put("b", "2"), Sequence(1));
}

TEST_F(StoreFlush, AllFamiliesAreFlushedAtOneSequence) {
    WriteBatch batch;
    for (const Family family : kAllFamilies) batch.put(family, "k", "1");
    ASSERT_TRUE(store.write(batch));
    store.flush();
    WriteBatch later;
    for (const Family family : kAllFamilies) later.put(family, "k", "2");
    ASSERT_TRUE(store.write(later));
    store.crash_and_open(Death::kProcessDeath);
    for (const Family family : kAllFamilies)
        EXPECT_EQ(store.contents(family), (Contents{{"k", "1"}}));
}

TEST_F(StoreFlush, TheOwnerHearsWhatIsDurableWithTheFloorOfTheMomentOfSealing) {
    store.floor = LogMark(7);
    store.put("a", "1");
    const AnswerRef flushed = store.begin_flush();
    store.floor = LogMark(9);
    store.put("b", "2");
    EXPECT_TRUE(store.wait(flushed)->ok());
    ASSERT_EQ(store.flushes.size(), 1u);
    EXPECT_EQ(store.flushes[0], std::pair(Sequence(1), LogMark(7)));
    EXPECT_EQ(store.store().log_floor(), LogMark(7));
    store.crash_and_open();
    EXPECT_EQ(store.store().report().log_floor, LogMark(7));
    EXPECT_EQ(store.store().report().flushed, Sequence(1));
}

TEST_F(StoreFlush, WithNothingInMemoryAFlushStillMovesTheFloor) {
    store.put("a", "1");
    store.flush();
    store.floor = LogMark(20);
    store.flush();
    store.run();
    EXPECT_EQ(store.store().log_floor(), LogMark(20));
    store.crash_and_open();
    EXPECT_EQ(store.store().report().log_floor, LogMark(20));
}

TEST_F(StoreFlush, AFullTableIsSealedAndFlushedByItself) {
    store.put_many("k", 1000);
    store.run();
    EXPECT_GT(store.store().stats().flushes, 1u);
    const Sequence flushed = store.store().flushed();
    EXPECT_GT(flushed, Sequence(500));
    store.crash_and_open();
    EXPECT_EQ(store.contents().size(), flushed.value());
}

TEST_F(StoreFlush, AFlushWaitsForAllThatWasWrittenBeforeIt) {
    store.put_many("a", 200);
    const AnswerRef first = store.begin_flush();
    store.put_many("b", 200);
    const AnswerRef second = store.begin_flush();
    EXPECT_FALSE(first->done);
    EXPECT_TRUE(store.wait(second)->ok());
    EXPECT_TRUE(first->ok());
    store.crash_and_open();
    EXPECT_EQ(store.contents().size(), 400u);
}

TEST_F(StoreFlush, AReopenedStoreGoesOnWhereItWas) {
    for (int life = 1; life <= 5; ++life) {
        store.put_many("k", 300, 100, life);
        store.flush();
        store.reopen();
        const Contents contents = store.contents();
        ASSERT_EQ(contents.size(), 300u);
        EXPECT_EQ(contents.at("k0007"), StoreFixture::many_value(7, 100, life));
    }
    EXPECT_FALSE(store.store().report().created);
    EXPECT_GT(store.store().report().files, 0u);
}

TEST_F(StoreFlush, AfterACrashNoFileIsLeftThatNobodyNeeds) {
    store.put_many("k", 2000);
    store.crash_and_open(Death::kPowerCut, 7);
    store.run();
    size_t live = 0;
    for (const auto& family : store.store().stats().levels)
        for (const LevelStats& level : family) live += level.files;
    EXPECT_EQ(store.table_files().size(), live);
    EXPECT_EQ(store.store().stats().files_obsolete, 0u);
}

// Crashes at every so manyth step of a run that flushes and compacts: what is found is what was
// durable, or a little more, and never a part of a batch.
TEST(StoreCrash, LeavesABatchWholeOrNotAtAll) {
    for (uint64_t seed = 1; seed <= 40; ++seed) {
        StoreFixture store(seed);
        ASSERT_TRUE(store.open());
        for (uint64_t number = 1; number <= 60; ++number) {
            WriteBatch batch;
            const std::string text = std::to_string(number);
            for (const Family family : kAllFamilies) batch.put(family, "last", text);
            batch.put(Family::kDefault, "pad", std::string(2000, 'p'));
            while (!store.write(batch)) ASSERT_TRUE(store.world().step());
            for (uint64_t step = 0; step < seed % 7; ++step) store.world().step();
        }
        const Sequence durable = store.store().flushed();
        store.crash_and_open(seed % 2 == 0 ? Death::kPowerCut : Death::kProcessDeath, seed);
        EXPECT_GE(store.store().flushed(), durable);
        const auto last = store.get("last").value();
        for (const Family family : kAllFamilies)
            EXPECT_EQ(store.get("last", nullptr, family).value(), last);
        EXPECT_EQ(store.store().flushed().value(), last ? 5 * std::stoull(*last) : 0);
    }
}

}  // namespace
}  // namespace timber::memtable
