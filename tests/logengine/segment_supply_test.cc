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
    uint64_t announce_and_take() {
        supply.announce();
        run();
        return take();
    }
    // What the file's header says that it is; 0 if that it is nothing.
    uint64_t id_in(const std::string& path) {
        const std::vector<std::byte> bytes = machine.disk().image().bytes(path);
        const auto header = decode_segment_header(ByteView(bytes).first(kBlockBytes), path);
        return header ? header->segment.value() : 0;
    }
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
    run();
    EXPECT_EQ(files().size(), 3u);
}

TEST_F(SegmentSupplyTest, AFileIsASegmentOnlyFromShortlyBeforeItsUseToItsEnd) {
    const std::string first = "log/segment-000001";
    supply.start();
    run();
    EXPECT_EQ(id_in(first), 0u);
    supply.announce();
    run();
    EXPECT_EQ(id_in(first), 1u);
    EXPECT_EQ(supply.spares(), 1u);
    EXPECT_EQ(take(), 1u);
    recycle_all();
    run();
    EXPECT_EQ(id_in(first), 0u);
}

TEST_F(SegmentSupplyTest, AnIdentityThatCannotBeWrittenCostsItsFile) {
    supply.start();
    run();
    machine.disk().fail_next(DiskOperation::kWrite, "segment-000001");
    supply.announce();
    machine.world().run_until([&] { return supply.exhausted().has_value(); });
    EXPECT_EQ(supply.exhausted()->code, ErrorCode::kNoSpace);
    run();
    EXPECT_FALSE(supply.exhausted().has_value());
    EXPECT_EQ(take(), 2u);
    EXPECT_FALSE(machine.disk().image().exists("log/segment-000001"));
}

TEST_F(SegmentSupplyTest, ReusesFilesUnderFreshIdentities) {
    supply.start();
    for (uint64_t id = 1; id <= 10; ++id) {
        EXPECT_EQ(announce_and_take(), id);
        recycle_all();
    }
    run();
    EXPECT_LE(supply.counters().created, 2u);
    EXPECT_GE(supply.counters().recycled, 8u);
}

TEST_F(SegmentSupplyTest, RemovesWhatIsMoreThanItMayKeepOldestFirst) {
    supply.start();
    for (int i = 0; i < 5; ++i) announce_and_take();
    run();
    recycle_all();
    // The oldest that still is one, whatever moment a crash may choose.
    uint64_t oldest = 0;
    while (supply.counters().removed < 4) {
        machine.world().step();
        uint64_t now = 6;
        for (const std::string& file : files()) {
            if (id_in(file) != 0) now = std::min(now, id_in(file));
        }
        EXPECT_GE(now, oldest);
        oldest = now;
    }
    run();
    // Five came back, one may stay; the sixth is in reserve.
    EXPECT_EQ(supply.counters().removed, 4u);
    EXPECT_EQ(files(), (std::vector<std::string>{"log/segment-000001", "log/segment-000006"}));
}

TEST_F(SegmentSupplyTest, AFailureIsToldAndTriedAgainWithANewFile) {
    machine.disk().fail_next(DiskOperation::kAllocate, "segment", ErrorCode::kNoSpace);
    supply.start();
    machine.world().run_until([&] { return changes == 1; });
    ASSERT_TRUE(supply.exhausted().has_value());
    EXPECT_EQ(supply.exhausted()->code, ErrorCode::kNoSpace);
    EXPECT_EQ(supply.exhausted()->file, "log/segment-000001.new");
    run();
    EXPECT_FALSE(supply.exhausted().has_value());
    EXPECT_EQ(files(), (std::vector<std::string>{"log/segment-000002"}));
}

TEST_F(SegmentSupplyTest, ARecycledFileEndsTheWantAtOnce) {
    supply.start();
    announce_and_take();
    announce_and_take();
    machine.disk().inject({.operation = DiskOperation::kAllocate,
                           .path_contains = "segment",
                           .count = Fault::kForever,
                           .error = ErrorCode::kNoSpace});
    machine.world().run_until(
        [&] { return supply.exhausted().has_value() || supply.spares() > 0; });
    if (supply.spares() > 0) {
        announce_and_take();
        machine.world().run_until([&] { return supply.exhausted().has_value(); });
    }
    recycle_all();
    run();
    EXPECT_FALSE(supply.exhausted().has_value());
    EXPECT_EQ(supply.spares(), 2u);
}

}  // namespace
}  // namespace timber::logengine
