// The bench frame's arithmetic on made-up series, and a whole run with a subject that does nothing.
#include <gtest/gtest.h>

#include <filesystem>

#include "benches/frame/bench.h"
#include "benches/frame/chain.h"

namespace timber::bench {
namespace {

constexpr int64_t kMs = kNsPerMs;

// A slice of one second.
SliceResult slice(uint64_t operations, double p50_us) {
    return {.seconds = 1, .operations = operations, .bytes = operations * 100, .p50_us = p50_us};
}

TEST(Quantile, FallsBetweenNeighbours) {
    EXPECT_EQ(quantile_of({}, 0.5), 0);
    EXPECT_EQ(quantile_of({7}, 0.25), 7);
    EXPECT_EQ(quantile_of({4, 1, 3, 2}, 0.5), 2.5);
    EXPECT_EQ(quantile_of({5, 1, 3}, 1), 5);
}

TEST(Spread, IsMedianAndQuartiles) {
    const Spread spread = spread_of({50, 10, 30, 20, 40});
    EXPECT_EQ(spread.median, 30);
    EXPECT_EQ(spread.low, 20);
    EXPECT_EQ(spread.high, 40);
}

// A machine that halves its speed in the middle of a run changes no ratio.
TEST(Ratio, IsTakenWithinARound) {
    const Spread ratio = ratio_of({200, 200, 100, 100}, {100, 100, 50, 50});
    EXPECT_EQ(ratio.median, 2);
    EXPECT_EQ(ratio.low, 2);
    EXPECT_EQ(ratio.high, 2);
}

TEST(Ratio, SkipsRoundsWithoutReference) {
    EXPECT_EQ(ratio_of({200, 300}, {100, 0}).median, 2);
    EXPECT_EQ(ratio_of({1}, {0}).median, 0);
}

TEST(Stall, IsOursUnlessTheProberSawHalfOfIt) {
    const Interval stall{100 * kMs, 200 * kMs};
    EXPECT_TRUE(is_ours(stall, {}));
    EXPECT_FALSE(is_ours(stall, {{100 * kMs, 200 * kMs}}));
    EXPECT_FALSE(is_ours(stall, {{50 * kMs, 150 * kMs}}));  // exactly half
    EXPECT_TRUE(is_ours(stall, {{50 * kMs, 149 * kMs}}));   // less
    EXPECT_TRUE(is_ours(stall, {{300 * kMs, 900 * kMs}}));  // another time
    EXPECT_FALSE(is_ours(stall, {{0, 10 * kMs}, {120 * kMs, 180 * kMs}}));
}

// Many ordinary writes of the prober do not add up to a stall of the machine.
TEST(Stall, IsNotExcusedBySmallPieces) {
    std::vector<Interval> probed;
    for (int64_t at = 100; at < 200; at += 10) probed.push_back({at * kMs, (at + 9) * kMs});
    EXPECT_TRUE(is_ours({100 * kMs, 200 * kMs}, probed));
}

TEST(Chain, CountsWaitsThatFollowEachOther) {
    const Chain chain({{30, 39}, {10, 19}, {20, 29}});
    EXPECT_EQ(chain.length_within({10, 39}), 3u);
    EXPECT_EQ(chain.length_within({11, 39}), 2u);
    EXPECT_EQ(chain.length_within({10, 38}), 2u);
    EXPECT_EQ(chain.length_within({12, 28}), 0u);
    EXPECT_EQ(chain.length_within({100, 200}), 0u);
}

TEST(Chain, CountsWaitsThatOverlapOnce) {
    EXPECT_EQ(Chain({{10, 20}, {15, 25}, {20, 30}}).length_within({0, 100}), 1u);
    EXPECT_EQ(Chain({}).length_within({0, 100}), 0u);
}

TEST(Chain, TakesTheWaitThatLeavesMostRoom) {
    EXPECT_EQ(Chain({{10, 90}, {11, 20}, {21, 30}}).length_within({0, 100}), 2u);
}

TEST(Row, TakesMediansOverSlicesAndCountsOverTheRun) {
    std::vector<SliceResult> slices = {slice(100, 5), slice(300, 7), slice(200, 6)};
    slices[0].device = DeviceCount{.bytes_written = 60'000, .writes = 300, .flushes = 60};
    slices[1].device = DeviceCount{.bytes_written = 0, .writes = 0};
    slices[2].device = DeviceCount{.bytes_written = 60'000, .writes = 300, .flushes = 60};
    slices[1].cpu_us = 1'200;
    slices[1].max_us = 900;
    slices[2].stalls = {{0, 60 * kMs}, {100 * kMs, 170 * kMs}};
    slices[2].notes = {{"depth", 3}};
    const Row row = summarise("a", {.name = "c"}, slices, {{0, 40 * kMs}});
    EXPECT_EQ(row.ops_per_s.median, 200);
    EXPECT_EQ(row.p50_us.median, 6);
    EXPECT_EQ(row.operations, 600u);
    EXPECT_EQ(row.max_us, 900);
    EXPECT_EQ(row.cpu_us_per_op, 2);
    EXPECT_EQ(row.device_bytes_per_byte, 2);
    EXPECT_EQ(row.device_writes_per_op, 1);
    EXPECT_EQ(row.device_flushes_per_op, 0.2);
    EXPECT_EQ(row.stalls, 2u);
    EXPECT_EQ(row.stalls_ours, 1u);
    EXPECT_EQ(row.stall_ours_max_us, 70'000);
    EXPECT_EQ(row.notes.at("depth"), 3);
}

TEST(Row, HasNoDeviceFiguresWithoutADevice) {
    EXPECT_FALSE(summarise("a", {}, {slice(1, 1)}, {}).device_bytes_per_byte.has_value());
}

TEST(Device, StatLineIsRead) {
    const auto count = parse_device_stat("9 1 80 5 20 2 160 7 0 9 9 1 2 3 4 6 8");
    ASSERT_TRUE(count.has_value());
    EXPECT_EQ(count->reads, 9u);
    EXPECT_EQ(count->bytes_read, 80u * 512);
    EXPECT_EQ(count->writes, 14u);  // 20, of them 6 flushes
    EXPECT_EQ(count->flushes, 6u);
    EXPECT_EQ(count->bytes_written, 160u * 512);
    EXPECT_FALSE(parse_device_stat("1 2 3").has_value());
    EXPECT_FALSE(parse_device_stat("").has_value());
}

TEST(Recorder, MergesLanesAndKeepsStalls) {
    SliceRecorder recorder({.name = "c", .value_bytes = 10, .rate_per_s = 1000}, 2,
                           {5 * kMs, 105 * kMs}, 50 * kMs);
    recorder.lane(0).done(0, 10);
    recorder.lane(1).done(0, 50 * kMs, 7);
    EXPECT_EQ(recorder.latencies_ns().count(), 2u);
    EXPECT_EQ(recorder.bytes(), 17u);
    EXPECT_EQ(recorder.stalls(), (std::vector<Interval>{{0, 50 * kMs}}));
    EXPECT_EQ(recorder.due_ns(3), 8 * kMs);
}

TEST(Json, HasMachineParametersAndRows) {
    Report report{.bench = "b", .slice_ms = 1};
    report.machine.cpu = "a \"quoted\"\tname";
    report.options.parameter("records", 5);
    Row row = summarise("timberkv", {.name = "async", .parallel = 64}, {slice(100, 5)}, {});
    row.comparisons.push_back(compare({slice(100, 5)}, "floor", {slice(50, 4)}));
    report.rows.push_back(row);
    const std::string json = json_of(report);
    for (const char* part :
         {R"({"machine": {"commit": "")", R"("cpu": "a \"quoted\"\u0009name")", R"("records": 5)",
          R"("rows": [)", R"({"bench": "b", "subject": "timberkv", "case": "async")",
          R"("parallel": 64)", R"("ops_per_s": 100, "ops_per_s_low": 100)",
          R"("device_bytes_per_byte": null)", R"("ratios": {"floor": {"ops_per_s": 2,)"})
        EXPECT_NE(json.find(part), std::string::npos) << part << "\n" << json;
}

TEST(Table, HasAHeadingForEachCase) {
    Report report{.bench = "b", .slice_ms = 1};
    for (const char* name : {"async", "async", "threads"})
        report.rows.push_back(summarise("s", {.name = name}, {slice(100, 5)}, {}));
    const std::string table = table_of(report);
    size_t headings = 0;
    for (size_t at = table.find("\ncase "); at != std::string::npos;
         at = table.find("\ncase ", at + 1))
        ++headings;
    EXPECT_EQ(headings, 2u);
}

TEST(Options, ParametersAreNotedAsAskedFor) {
    Options options;
    options.set = {{"records", 9}};
    EXPECT_EQ(options.parameter("records", 1), 9);
    EXPECT_EQ(options.parameter("depth", 4), 4);
    EXPECT_EQ(options.parameters.size(), 2u);
}

// Counts its calls, and fails where it is told to.
class CountingSubject : public Subject {
  public:
    CountingSubject(std::string& calls, bool fails) : calls_(calls), fails_(fails) {}

    std::string name() const override { return "counting"; }
    bool takes(const Case& wanted) const override { return wanted.name != "other"; }
    Status prepare(const Case&) override { return call('p'); }
    Status run_slice(const Case&, SliceRecorder& recorder) override {
        recorder.lane(0).done(0, 1);
        if (fails_) return make_error(ErrorCode::kIoError, "told to");
        return call('r');
    }
    Status settle(const Case&) override { return call('s'); }
    Status finish(const Case&) override { return call('f'); }
    std::optional<DeviceCount> device_count() const override { return DeviceCount{}; }

  private:
    Status call(char what) {
        calls_ += what;
        return {};
    }

    std::string& calls_;
    const bool fails_;
};

class BenchRun : public testing::Test {
  protected:
    int run(bool fails) {
        Options options;
        options.directory = testing::TempDir() + "/bench_frame_test";
        options.slices = 3;
        options.seconds = 0.003;
        Bench bench("test", options);
        bench.add(std::make_unique<CountingSubject>(calls_, fails));
        bench.add_case({.name = "one"});
        bench.add_case({.name = "other"});
        const int code = bench.run();
        std::filesystem::remove_all(options.directory);
        return code;
    }

    std::string calls_;
};

TEST_F(BenchRun, CallsASubjectSliceAfterSlice) {
    EXPECT_EQ(run(false), 0);
    EXPECT_EQ(calls_, "prsrsrsf");
}

TEST_F(BenchRun, FailsWithItsSubject) {
    EXPECT_EQ(run(true), 1);
    EXPECT_EQ(calls_, "p");
}

}  // namespace
}  // namespace timber::bench
