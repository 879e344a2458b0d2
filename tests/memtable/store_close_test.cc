// The end of a store's life: closing at every moment, and deaths that jobs have to unwind from.
#include <algorithm>

#include <gtest/gtest.h>

#include "tests/memtable/store_fixture.h"

namespace timber::memtable {
namespace {

// Everything at once: writes, flushes, compactions, an ingest, an export, a waiter of each kind.
struct Busy {
    explicit Busy(StoreFixture& fixture) : store(fixture) {
        store.put_many("m", 700);
        flushed = store.begin_flush();
        settled = store.begin_settle();
        compacted = store.begin_compact();
        store.store().export_range(
            {.range = {"m", "n"}, .directory = "store", .prefix = "export-"},
            [this](const Result<std::vector<ExportedFile>>&) { exported = true; });
        IngestRequest request{.range = {"x", "y"}};
        request.rows.put(Family::kMeta, "row", "1");
        ingested = store.begin_ingest(std::move(request));
    }
    void expect_all_answered() const {
        EXPECT_TRUE(flushed->done);
        EXPECT_TRUE(settled->done);
        EXPECT_TRUE(compacted->done);
        EXPECT_TRUE(ingested->done);
        EXPECT_TRUE(exported);
    }

    StoreFixture& store;
    AnswerRef flushed;
    AnswerRef settled;
    AnswerRef compacted;
    AnswerRef ingested;
    bool exported = false;
};

TEST(StoreClose, AtEveryMomentAnswersEverybodyAndLosesNothingDurable) {
    for (uint64_t steps = 0; steps < 1200; steps += 1 + steps / 16) {
        StoreFixture store(steps);
        ASSERT_TRUE(store.open());
        Busy busy(store);
        for (uint64_t step = 0; step < steps; ++step) store.world().step();
        const bool ingested = busy.ingested->ok();
        const Sequence flushed = store.store().flushed();
        store.close();
        busy.expect_all_answered();
        ASSERT_TRUE(store.open());
        EXPECT_GE(store.store().flushed(), flushed);
        EXPECT_EQ(store.contents().size(),
                  std::min<uint64_t>(store.store().flushed().value(), 700));
        if (ingested || busy.ingested->ok()) {
            EXPECT_TRUE(store.get("row", nullptr, Family::kMeta).value());
        }
    }
}

TEST(StoreClose, AfterADeathAtEveryMomentJobsUnwindAndTheStoreCloses) {
    for (uint64_t steps = 0; steps < 1200; steps += 1 + steps / 16) {
        StoreFixture store(steps);
        ASSERT_TRUE(store.open());
        Busy busy(store);
        for (uint64_t step = 0; step < steps; ++step) store.world().step();
        const bool ingested = busy.ingested->ok();
        const Sequence flushed = store.store().flushed();
        store.disk().crash(steps % 2 == 0 ? Death::kPowerCut : Death::kProcessDeath, steps);
        store.run();
        busy.expect_all_answered();
        const DiskImage left = store.disk().image();
        store.close();
        store.restart_on(left);
        const Status opened = store.open();
        ASSERT_TRUE(opened) << steps << ": " << opened.error().to_string();
        EXPECT_GE(store.store().flushed(), flushed);
        EXPECT_EQ(store.contents().size(),
                  std::min<uint64_t>(store.store().flushed().value(), 700));
        if (ingested) {
            EXPECT_TRUE(store.get("row", nullptr, Family::kMeta).value());
        }
    }
}

TEST(StoreClose, RightAfterOpening) {
    StoreFixture store;
    ASSERT_TRUE(store.open());
    store.close();
    ASSERT_TRUE(store.open());
    EXPECT_EQ(store.contents(), Contents());
}

TEST(StoreClose, AClosedStoreRefusesEverything) {
    StoreFixture store;
    ASSERT_TRUE(store.open());
    store.put("a", "1");
    const auto closed = store.begin_close();
    WriteBatch batch;
    batch.put(Family::kDefault, "b", "1");
    EXPECT_TRUE(fails(Status(store.write(batch).error()), ErrorCode::kClosed));
    EXPECT_TRUE(store.store().pace(1).stopped);
    const AnswerRef flushed = store.begin_flush();
    const AnswerRef settled = store.begin_settle();
    const AnswerRef compacted = store.begin_compact();
    const AnswerRef ingested = store.begin_ingest({.range = {"a", "b"}});
    EXPECT_FALSE(flushed->done);
    ASSERT_TRUE(store.world().run_until([&] { return *closed; }));
    for (const AnswerRef& answer : {flushed, settled, compacted, ingested})
        EXPECT_TRUE(fails(answer, ErrorCode::kClosed));
}

TEST(StoreClose, ADeadMachineIsFinal) {
    StoreFixture store;
    ASSERT_TRUE(store.open());
    store.put("a", "1");
    store.disk().crash(Death::kProcessDeath, 1);
    const AnswerRef flushed = store.begin_flush();
    store.run();
    EXPECT_TRUE(fails(flushed, ErrorCode::kCrashed));
    EXPECT_EQ(store.store().condition(), Condition::kFailed);
    EXPECT_EQ(*store.get("a").value(), "1");
}

}  // namespace
}  // namespace timber::memtable
