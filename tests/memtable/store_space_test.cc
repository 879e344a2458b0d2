// Trouble: a full disk, failing disks, a manifest that cannot be written. What goes on, what waits,
// and what is final.
#include <gtest/gtest.h>

#include "tests/memtable/store_fixture.h"

namespace timber::memtable {
namespace {

class StoreSpace : public testing::Test {
  protected:
    StoreSpace() {
        store.use_fast_processor();
        EXPECT_TRUE(store.open());
        store.run();
    }
    // Keys "w0", "w1", ... until one is refused, or so many.
    size_t write_until_refused(size_t count_max = 1000) {
        for (size_t count = 0; count < count_max; ++count) {
            WriteBatch batch;
            batch.put(Family::kDefault, "w" + std::to_string(written_),
                      StoreFixture::many_value(written_, 1000, 1));
            if (!store.write(batch)) return count;
            ++written_;
        }
        return count_max;
    }
    size_t written_ = 0;
    void run_for(std::chrono::milliseconds duration) { store.world().run_for(duration); }

    StoreFixture store;
};

TEST_F(StoreSpace, TheReserveHoldsTheSpaceOfAFlush) {
    EXPECT_GE(store.disk().image().size("store/RESERVE"), store.options.memory_table_bytes);
    store.reopen();
    store.run();
    EXPECT_GE(store.disk().image().size("store/RESERVE"), store.options.memory_table_bytes);
}

TEST_F(StoreSpace, AFullDiskTakesOneMoreFlush) {
    store.put_many("k", 100);
    store.fill_disk();
    const AnswerRef flushed = store.begin_flush();
    run_for(std::chrono::seconds(2));
    EXPECT_TRUE(flushed->ok());
    EXPECT_EQ(store.store().condition(), Condition::kNoSpace);
    ASSERT_TRUE(store.store().condition_error());
    EXPECT_EQ(store.store().condition_error()->code, ErrorCode::kNoSpace);
    EXPECT_EQ(store.conditions, (std::vector{Condition::kNoSpace}));
    store.crash_and_open(Death::kPowerCut, 3);
    EXPECT_EQ(store.contents().size(), 100u);
}

TEST_F(StoreSpace, FlushesWaitForSpaceReadsAndWritesGoOnUntilMemoryIsFull) {
    store.put_many("k", 50);
    store.flush();
    store.fill_disk();
    // More than the reserve can take.
    EXPECT_LT(write_until_refused(), 1000u);
    run_for(std::chrono::seconds(5));
    EXPECT_EQ(store.store().condition(), Condition::kNoSpace);
    EXPECT_EQ(*store.get("w1").value(), StoreFixture::many_value(1, 1000, 1));
    EXPECT_EQ(*store.get("k0007").value(), StoreFixture::many_value(7, 100, 1));
    write_until_refused();
    run_for(std::chrono::seconds(20));
    EXPECT_EQ(write_until_refused(1), 0u);
    EXPECT_TRUE(store.store().pace(1).stopped);
    const size_t told = store.times_writable;
    store.set_capacity(std::nullopt);
    store.run();
    EXPECT_EQ(store.store().condition(), Condition::kRunning);
    EXPECT_EQ(store.conditions.back(), Condition::kRunning);
    EXPECT_EQ(store.store().condition_error(), std::nullopt);
    EXPECT_GT(store.times_writable, told);
    EXPECT_EQ(write_until_refused(1), 1u);
    EXPECT_GE(store.disk().image().size("store/RESERVE"), store.options.memory_table_bytes);
    store.flush();
    store.crash_and_open();
    EXPECT_EQ(store.contents().size(), 50 + written_);
}

TEST_F(StoreSpace, OpensOnAFullDiskAndGoesOnOnceThereIsSpace) {
    store.put_many("k", 100);
    store.flush();
    store.close();
    store.restart_on(store.settled_image());
    store.fill_disk();
    ASSERT_TRUE(store.open());
    EXPECT_EQ(store.contents().size(), 100u);
    store.put("new", "1");
    const AnswerRef flushed = store.begin_flush();
    run_for(std::chrono::seconds(1));
    EXPECT_TRUE(flushed->ok());
    store.set_capacity(std::nullopt);
    store.run();
    EXPECT_EQ(store.store().condition(), Condition::kRunning);
}

TEST_F(StoreSpace, OpensOnAFullDiskWithoutAReserve) {
    store.put_many("k", 100);
    store.flush();
    store.close();
    DiskImage image = store.settled_image();
    image.remove_file("store/RESERVE");
    store.restart_on(image);
    store.fill_disk();
    ASSERT_TRUE(store.open());
    run_for(std::chrono::seconds(1));
    EXPECT_EQ(store.store().condition(), Condition::kNoSpace);
    EXPECT_EQ(store.contents().size(), 100u);
    store.set_capacity(std::nullopt);
    store.run();
    EXPECT_EQ(store.store().condition(), Condition::kRunning);
}

TEST_F(StoreSpace, ACompactionWithoutSpaceWaitsAndFlushesGoOn) {
    store.put_many("a", 250);
    store.flush();
    store.fill_disk(8_KiB);
    const AnswerRef compacted = store.begin_compact();
    run_for(std::chrono::seconds(2));
    EXPECT_FALSE(compacted->done);
    EXPECT_EQ(store.store().condition(), Condition::kNoSpace);
    store.set_capacity(std::nullopt);
    EXPECT_TRUE(store.wait(compacted)->ok());
    store.run();
    EXPECT_EQ(store.store().condition(), Condition::kRunning);
    EXPECT_EQ(store.contents().size(), 250u);
}

TEST_F(StoreSpace, AFailedWriteOfATableIsTriedAgainWithANewFile) {
    store.put_many("k", 100);
    store.disk().fail_next(DiskOperation::kWrite, ".sst");
    const AnswerRef flushed = store.begin_flush();
    ASSERT_TRUE(store.world().run_until([&] { return !store.conditions.empty(); }));
    EXPECT_EQ(store.store().condition(), Condition::kTrouble);
    EXPECT_EQ(store.store().condition_error()->code, ErrorCode::kIoError);
    EXPECT_TRUE(store.wait(flushed)->ok());
    EXPECT_EQ(store.conditions, (std::vector{Condition::kTrouble, Condition::kRunning}));
    EXPECT_EQ(store.store().stats().jobs_failed, 1u);
    store.run();
    store.crash_and_open();
    EXPECT_EQ(store.contents().size(), 100u);
}

TEST_F(StoreSpace, AFailedSyncOfATableOrOfTheDirectoryIsNeverTrusted) {
    for (const DiskOperation operation : {DiskOperation::kSync, DiskOperation::kSyncDirectory}) {
        store.put_many("k", 100);
        store.disk().fail_next(operation, operation == DiskOperation::kSync ? ".sst" : "");
        store.flush();
        store.run();
        store.crash_and_open(Death::kPowerCut, 5);
        EXPECT_EQ(store.contents().size(), 100u);
        store.run();
    }
}

TEST_F(StoreSpace, AManifestThatCannotBeWrittenIsFinal) {
    store.put_many("k", 100);
    store.disk().fail_next(DiskOperation::kWrite, "manifest");
    const AnswerRef flushed = store.wait(store.begin_flush());
    ASSERT_TRUE(flushed->done);
    EXPECT_TRUE(fails(flushed, ErrorCode::kPoisoned));
    EXPECT_EQ(store.store().condition(), Condition::kFailed);
    EXPECT_EQ(store.conditions, (std::vector{Condition::kFailed}));
    EXPECT_EQ(store.store().condition_error()->code, ErrorCode::kIoError);
    WriteBatch batch;
    batch.put(Family::kDefault, "b", "1");
    EXPECT_TRUE(fails(Status(store.write(batch).error()), ErrorCode::kPoisoned));
    EXPECT_TRUE(fails(store.wait(store.begin_settle()), ErrorCode::kPoisoned));
    EXPECT_TRUE(fails(store.wait(store.begin_compact()), ErrorCode::kPoisoned));
    EXPECT_TRUE(fails(store.wait(store.begin_ingest({.range = {"a", "b"}})), ErrorCode::kPoisoned));
    EXPECT_EQ(store.contents().size(), 100u);
    store.run();
    // A new life finds the flush whole or not at all.
    store.crash_and_open(Death::kPowerCut, 2);
    EXPECT_TRUE(store.contents().size() == 100 || store.contents().empty());
}

TEST_F(StoreSpace, ADamagedBlockFailsTheReadsThatNeedItAndCompactionsWait) {
    store.put_many("k", 100);
    store.flush();
    store.run();
    const std::string name = store.table_files().at(0);
    store.close();
    DiskImage image = store.settled_image();
    image.flip_bit("store/" + name, 8 * 1000);
    store.restart_on(image);
    ASSERT_TRUE(store.open());
    size_t failed = 0;
    for (size_t number = 0; number < 100; ++number) {
        const auto value = store.get(StoreFixture::many_key("k", number));
        if (value) {
            EXPECT_EQ(**value, StoreFixture::many_value(number, 100, 1));
        } else {
            EXPECT_EQ(value.error().code, ErrorCode::kCorrupted);
            EXPECT_TRUE(value.error().file.ends_with(name));
            EXPECT_TRUE(value.error().offset);
            ++failed;
        }
    }
    EXPECT_GT(failed, 0u);
    EXPECT_LT(failed, 20u);
}

TEST_F(StoreSpace, MemoryStaysWithinItsLimit) {
    store.close();
    store.options.memory_table_bytes = 1_MiB;
    store.options.compactions_max = 1;
    store.options.memory_bytes_max = 1_MiB + 1_MiB + 2 * 8_MiB + 100_KiB;
    ASSERT_TRUE(store.open());
    const size_t accepted = write_until_refused(100'000);
    EXPECT_LT(accepted, 1300u);
    EXPECT_LT(store.store().stats().memory_table_bytes, 1300_KiB);
    store.run();
    EXPECT_GT(write_until_refused(1), 0u);
}

}  // namespace
}  // namespace timber::memtable
