#include "memtable/pacing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace timber::memtable {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kBytes = 4096;

class PacingTest : public testing::Test {
  protected:
    Pace pace(const Load& load) {
        pacer_.set_load(load);
        return pacer_.pace(kBytes);
    }

    // Over a load that grows from nothing to beyond the stop: nothing below `slow`, from there on
    // delays that never fall and never jump, and a stop at `stop` and not before.
    void expect_smooth(double slow, double stop, const std::function<Load(double)>& load_at) {
        Duration last{};
        const double step = (stop - slow) / 2000;
        for (double at = 0; at < stop + 10 * step; at += step) {
            const Pace now = pace(load_at(at));
            SCOPED_TRACE(at);
            EXPECT_TRUE(at >= slow || now.delay == Duration(0));
            EXPECT_TRUE(at <= slow + step || now.delay > Duration(0));
            EXPECT_GE(now.delay, last);
            // Far enough from the stop, a little more load is a little more delay.
            const double part = (at - slow) / (stop - slow);
            EXPECT_TRUE(part <= 0 || part >= 0.9 || now.delay <= last * 1.1 + kFree * 0.002);
            EXPECT_EQ(now.stopped, pacer_.pressure() >= 1);
            EXPECT_TRUE(at >= stop - step || !now.stopped);
            EXPECT_TRUE(at <= stop + step || now.stopped);
            last = now.delay;
        }
    }

    // What kBytes cost the background at first: 100 MB/s, written twice.
    static constexpr Duration kFree = Duration(kBytes * 2 * 10);

    Options options_;
    Pacer pacer_{options_};
};

TEST_F(PacingTest, WithNothingBehindNobodyWaits) {
    EXPECT_EQ(pace({}).delay, Duration(0));
    EXPECT_FALSE(pace({}).stopped);
    EXPECT_EQ(pace({.level0_files = options_.level0_files_slow - 1}).delay, Duration(0));
    EXPECT_EQ(pace({.debt_bytes = options_.debt_bytes_slow}).delay, Duration(0));
    EXPECT_EQ(pace({.memory_tables_sealed = 1, .memory_table_bytes = 1_MiB}).delay, Duration(0));
}

TEST_F(PacingTest, RisesSmoothlyWithDebt) {
    expect_smooth(static_cast<double>(options_.debt_bytes_slow),
                  static_cast<double>(options_.debt_bytes_stop),
                  [](double at) { return Load{.debt_bytes = static_cast<uint64_t>(at)}; });
}

// As a store fills: the active table grows, is sealed, and becomes a file of level 0, at once or
// after others have been sealed.
TEST_F(PacingTest, RisesSmoothlyWhileMemoryBecomesLevel0) {
    for (size_t waiting = 0; waiting < 2; ++waiting) {
        const auto load_at = [&](double at) {
            const auto whole = static_cast<size_t>(at);
            const size_t sealed = std::min(waiting, whole);
            const double part = at - static_cast<double>(whole);
            return Load{.level0_files = whole - sealed,
                        .memory_tables_sealed = sealed,
                        .memory_table_bytes = static_cast<size_t>(
                            part * static_cast<double>(options_.memory_table_bytes))};
        };
        expect_smooth(static_cast<double>(options_.level0_files_slow),
                      static_cast<double>(options_.level0_files_stop), load_at);
    }
}

TEST_F(PacingTest, RisesSmoothlyWhileFlushesWait) {
    const auto load_at = [&](double at) {
        const auto whole = static_cast<size_t>(at);
        const double part = at - static_cast<double>(whole);
        return Load{.memory_tables_sealed = whole,
                    .memory_table_bytes = static_cast<size_t>(
                        part * static_cast<double>(options_.memory_table_bytes))};
    };
    expect_smooth(2, static_cast<double>(options_.memory_tables_sealed_max + 1), load_at);
}

TEST_F(PacingTest, WithASingleSealedTableAllowedItSlowsFromThere) {
    options_.memory_tables_sealed_max = 1;
    EXPECT_EQ(pace({.memory_table_bytes = options_.memory_table_bytes}).delay, Duration(0));
    EXPECT_GT(pace({.memory_tables_sealed = 1, .memory_table_bytes = 1_MiB}).delay, Duration(0));
}

// Half way to the stop a writer gets what one job of the background can carry on.
TEST_F(PacingTest, HalfWayAWriterIsAsFastAsTheBackground) {
    const uint64_t half = (options_.debt_bytes_slow + options_.debt_bytes_stop) / 2;
    for (int second = 0; second < 200; ++second) pacer_.worked(50'000'000, seconds(1));
    EXPECT_NEAR(pacer_.bytes_per_second(), 50e6, 1e5);
    const Pace now = pace({.debt_bytes = half, .rewrites_per_byte = 4});
    EXPECT_NEAR(static_cast<double>(now.delay.count()), kBytes * 5 / 50e6 * 1e9, 1000);
    EXPECT_NEAR(pacer_.pressure(), 0.5, 0.001);
}

TEST_F(PacingTest, ASlowerBackgroundSlowsMore) {
    const Load load{.debt_bytes = options_.debt_bytes_slow * 2};
    const Duration before = pace(load).delay;
    Duration last = before;
    for (int step = 0; step < 50; ++step) {
        pacer_.worked(4'000'000, milliseconds(400));
        const Duration now = pace(load).delay;
        EXPECT_GT(now, last);
        EXPECT_LE(now, last * 5);
        last = now;
    }
    EXPECT_NEAR(static_cast<double>(last / before), 10, 1);
}

TEST_F(PacingTest, DelayIsProportionalToBytes) {
    pacer_.set_load({.debt_bytes = options_.debt_bytes_slow * 2});
    const Duration one = pacer_.pace(1'000'000).delay;
    EXPECT_NEAR(static_cast<double>(pacer_.pace(3'000'000).delay.count()),
                3.0 * static_cast<double>(one.count()), 10);
}

}  // namespace
}  // namespace timber::memtable
