// What the crash explorer found, each told as the shortest story that failed.
#include <gtest/gtest.h>

#include "memtable/health.h"
#include "tests/memtable/store_fixture.h"

namespace timber::memtable {
namespace {

// The process died in the middle of a write of CURRENT, which could be read and was not durable.
// The next opening believed it and made the other manifest blank; then power failed, the older slot
// of CURRENT was the newest again, and named the blank one. So too with the name CURRENT.
TEST(StoreExplored, WhatCurrentSaysIsDurableBeforeTheOtherManifestIsTouched) {
    std::vector<DiskImage> died;
    {
        StoreFixture first;
        first.disk().set_step_hook([&](const DiskStep& step) {
            died.push_back(first.disk().image_after(Death::kProcessDeath, step.number));
        });
        ASSERT_TRUE(first.open());
        first.run();
        first.reopen();
        first.disk().set_step_hook({});
    }
    for (size_t death = 0; death < died.size(); ++death) {
        std::vector<DiskImage> cut;
        StoreFixture second(death, {}, died[death]);
        second.disk().set_step_hook([&](const DiskStep& step) {
            cut.push_back(second.disk().image_after(Death::kPowerCut, step.number));
        });
        ASSERT_TRUE(second.open());
        second.disk().set_step_hook({});
        for (size_t power = 0; power < cut.size(); ++power) {
            StoreFixture third(power, {}, cut[power]);
            const Status opened = third.open();
            ASSERT_TRUE(opened) << death << " " << power << " " << opened.error().to_string();
        }
    }
}

// The disk was full for so long that the next try lay far ahead; who looked after eight times the
// first delay saw a store that found no space.
TEST(StoreExplored, AfterALongTimeWithoutSpaceWorkGoesOnWithinTheLongestDelay) {
    StoreFixture store;
    store.use_fast_processor();
    ASSERT_TRUE(store.open());
    store.run();
    store.put_many("k", 100);
    store.flush();
    store.fill_disk();
    // More than the reserve can take.
    for (size_t number = 0;; ++number) {
        WriteBatch batch;
        batch.put(Family::kDefault, std::to_string(number), std::string(1000, 'x'));
        if (!store.write(batch)) break;
        store.world().run_for(std::chrono::milliseconds(10));
    }
    const AnswerRef flushed = store.begin_flush();
    const Duration delay_longest = Health::kDelayGrowthMax * store.options.retry_delay;
    store.world().run_for(5 * delay_longest);
    EXPECT_FALSE(flushed->done);
    EXPECT_EQ(store.store().condition(), Condition::kNoSpace);
    store.set_capacity(std::nullopt);
    store.world().run_for(delay_longest + store.options.retry_delay);
    EXPECT_TRUE(flushed->ok());
    EXPECT_EQ(store.store().condition(), Condition::kRunning);
}

// A flush's sync of the directory failed while a compaction had made a file; the compaction's own
// sync succeeded, and said nothing of names that were in doubt since the first. The next power cut
// took a live file.
TEST(StoreExplored, ASyncOfTheDirectoryThatFailsIsAFailureOfAllWhoMadeNames) {
    size_t failed = 0;
    for (uint64_t seed = 1; seed <= 150; ++seed) {
        StoreFixture store(seed);
        ASSERT_TRUE(store.open());
        store.put_many("k", 100, 100, 1);
        store.flush();
        store.put_many("k", 100, 100, 2);
        store.flush();
        store.run();
        store.put_many("l", 50);
        const AnswerRef flushed = store.begin_flush();
        store.world().run_until([&] { return store.disk().in_flight().writes > 0; });
        const AnswerRef compacted = store.begin_compact();
        store.put_many("m", 50);
        const AnswerRef again = store.begin_flush();
        store.disk().fail_nth(1 + seed % 3, DiskOperation::kSyncDirectory);
        EXPECT_TRUE(store.wait(flushed)->ok() && store.wait(again)->ok());
        EXPECT_TRUE(store.wait(compacted)->ok());
        failed += store.store().stats().jobs_failed;
        store.crash(Death::kPowerCut, seed);
        const Status opened = store.open();
        ASSERT_TRUE(opened) << seed << " " << opened.error().to_string();
        EXPECT_EQ(store.contents().size(), 200u);
    }
    EXPECT_GT(failed, 150u);
}

// The sync that ends a creation failed. The next opening found CURRENT, whose name was in doubt,
// and went on with it; the next power cut took it, with flushed data beside it.
TEST(StoreExplored, ACreationWhoseLastSyncFailedBeginsAnew) {
    for (uint64_t nth = 1; nth <= 3; ++nth) {
        for (uint64_t seed = 1; seed <= 20; ++seed) {
            StoreFixture store(seed);
            store.disk().fail_nth(nth, DiskOperation::kSyncDirectory, "store");
            EXPECT_TRUE(fails(store.open(), ErrorCode::kIoError));
            ASSERT_TRUE(store.open());
            store.put_many("k", 20);
            store.flush();
            store.crash(Death::kPowerCut, seed);
            const Status opened = store.open();
            ASSERT_TRUE(opened) << nth << " " << opened.error().to_string();
            EXPECT_EQ(store.contents().size(), 20u);
        }
    }
}

}  // namespace
}  // namespace timber::memtable
