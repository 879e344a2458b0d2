#include "logengine/segment_supply.h"

#include <gtest/gtest.h>

#include "src/base/io/log.h"
#include "tests/support/sim_disk_fixture.h"

namespace timber::logengine {
namespace {

class SegmentSupplyTest : public testing::Test {
  protected:
    SegmentSupplyTest() {
        set_log_level(LogLevel::kOff);
        machine.make_directory("log");
    }
    ~SegmentSupplyTest() override {
        bool stopped = false;
        supply.stop([&] { stopped = true; });
        machine.world().run_until([&] { return stopped; });
        for (auto& segment : supply.take_all()) taken.push_back(std::move(segment));
        machine.world().run_job([&] {
            for (auto& segment : taken) machine.disk().close(segment->file);
        });
        machine.world().run_until_idle();
    }
    void run() { machine.world().run_until_idle(); }
    // The next prepared segment, kept by the test until recycle_all(); its id, 0 if there is none.
    uint64_t take() {
        std::unique_ptr<Segment> segment = supply.take();
        if (segment == nullptr) return 0;
        taken.push_back(std::move(segment));
        return taken.back()->id.value();
    }
    void recycle_all() {
        for (auto& segment : taken) supply.recycle(std::move(segment));
        taken.clear();
    }
    std::vector<std::string> files() { return machine.disk().image().paths(); }

    SimMachine machine;
    SimLoop loop{machine.world(), "owner"};
    int changes = 0;
    std::vector<std::unique_ptr<Segment>> taken;
    SegmentSupply supply{machine.disk(),
                         machine.world().executor(),
                         loop,
                         {.geometry = {"log", LogId(1), 64_KiB},
                          .epoch = Epoch(1),
                          .next_id = SegmentId(1),
                          .next_file_number = 1,
                          .free_segments_max = 1,
                          .retry_delay = std::chrono::milliseconds(10)},
                         [this] { ++changes; }};
};

TEST_F(SegmentSupplyTest, KeepsOneInReserve) {
    EXPECT_EQ(take(), 0u);
    supply.start();
    run();
    EXPECT_EQ(supply.spares(), 1u);
    EXPECT_EQ(take(), 1u);
    EXPECT_EQ(take(), 0u);
    run();
    EXPECT_EQ(take(), 2u);
    EXPECT_EQ(files().size(), 2u);
}

TEST_F(SegmentSupplyTest, ReusesFilesUnderFreshIdentities) {
    supply.start();
    for (uint64_t id = 1; id <= 10; ++id) {
        run();
        EXPECT_EQ(take(), id);
        recycle_all();
    }
    run();
    EXPECT_LE(supply.counters().created, 2u);
    EXPECT_GE(supply.counters().recycled, 8u);
}

TEST_F(SegmentSupplyTest, RemovesWhatIsMoreThanItMayKeepOldestFirst) {
    supply.start();
    for (int i = 0; i < 5; ++i) {
        run();
        take();
    }
    run();
    recycle_all();
    run();
    // Five came back, one may stay; the sixth is in reserve.
    EXPECT_EQ(supply.counters().removed, 4u);
    EXPECT_EQ(files(), (std::vector<std::string>{"log/segment-000005", "log/segment-000006"}));
}

TEST_F(SegmentSupplyTest, AFailureIsToldAndTriedAgainWithANewFile) {
    machine.disk().fail_next(DiskOperation::kAllocate, "segment", ErrorCode::kNoSpace);
    supply.start();
    machine.world().run_until([&] { return changes == 1; });
    ASSERT_TRUE(supply.exhausted().has_value());
    EXPECT_EQ(supply.exhausted()->code, ErrorCode::kNoSpace);
    EXPECT_EQ(supply.exhausted()->file, "log/segment-000001");
    run();
    EXPECT_FALSE(supply.exhausted().has_value());
    EXPECT_EQ(files(), (std::vector<std::string>{"log/segment-000002"}));
}

TEST_F(SegmentSupplyTest, ARecycledFileEndsTheWantAtOnce) {
    supply.start();
    run();
    take();
    run();
    take();
    machine.disk().inject({.operation = DiskOperation::kAllocate,
                           .path_contains = "segment",
                           .count = Fault::kForever,
                           .error = ErrorCode::kNoSpace});
    machine.world().run_until(
        [&] { return supply.exhausted().has_value() || supply.spares() > 0; });
    if (supply.spares() > 0) {
        take();
        machine.world().run_until([&] { return supply.exhausted().has_value(); });
    }
    recycle_all();
    run();
    EXPECT_FALSE(supply.exhausted().has_value());
    EXPECT_EQ(supply.spares(), 1u);
}

}  // namespace
}  // namespace timber::logengine
