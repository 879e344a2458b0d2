#include "logengine/write_depth.h"

#include <gtest/gtest.h>

namespace timber::logengine {
namespace {

constexpr size_t kSmall = 4096;

// A device that takes 100 us for one write, and `percent` of it for each of several at once.
void run_device(WriteDepth& depth, int64_t percent, int writes = 8000) {
    for (int i = 0; i < writes; ++i) {
        size_t in_flight = 0;
        while (depth.allows(in_flight, kSmall)) ++in_flight;
        for (size_t n = 1; n <= in_flight; ++n)
            depth.completed(n, kSmall, std::chrono::microseconds(n == 1 ? 100 : percent));
    }
}

TEST(WriteDepth, OneWriteIsAlwaysAllowedAndNeverMoreThanTheMost) {
    WriteDepth depth(3, true);
    EXPECT_TRUE(depth.allows(0, kSmall));
    EXPECT_TRUE(depth.allows(2, kSmall));
    EXPECT_FALSE(depth.allows(3, kSmall));
}

TEST(WriteDepth, ADeviceThatWritesInParallelIsGivenMore) {
    WriteDepth depth(4, false);
    EXPECT_EQ(depth.limit(), 1u);
    run_device(depth, 105);
    EXPECT_EQ(depth.limit(), 4u);
}

TEST(WriteDepth, ADeviceThatQueuesIsGivenOne) {
    WriteDepth depth(4, false);
    run_device(depth, 180);
    EXPECT_EQ(depth.limit(), 1u);
}

TEST(WriteDepth, AChangeOfTheDeviceIsNoticed) {
    WriteDepth depth(4, false);
    run_device(depth, 105);
    run_device(depth, 200);
    EXPECT_EQ(depth.limit(), 1u);
    run_device(depth, 100, 80000);
    EXPECT_EQ(depth.limit(), 4u);
}

TEST(WriteDepth, LargeGroupsGoTwoByTwo) {
    WriteDepth depth(4, false);
    EXPECT_TRUE(depth.allows(1, WriteDepth::kLargeGroupBytes));
    EXPECT_FALSE(depth.allows(2, WriteDepth::kLargeGroupBytes));
}

}  // namespace
}  // namespace timber::logengine
