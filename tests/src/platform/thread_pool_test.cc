#include "src/platform/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>
#include <string>

namespace timber {

namespace {

TEST(ThreadPoolTest, StopFinishesWhatIsQueued) {
    std::atomic<int> ran = 0;
    ThreadPoolExecutor pool(2);
    for (int i = 0; i < 1000; ++i) pool.run("count", [&] { ++ran; });
    pool.stop();
    EXPECT_EQ(ran, 1000);
}

TEST(ThreadPoolTest, JobsRunAtTheSameTime) {
    std::binary_semaphore left(0), right(0);
    ThreadPoolExecutor pool(2);
    pool.run("left", [&] {
        left.release();
        right.acquire();
    });
    pool.run("right", [&] {
        right.release();
        left.acquire();
    });
    pool.stop();
}

TEST(ThreadPoolTest, OneThreadRunsJobsInOrder) {
    std::string order;
    ThreadPoolExecutor pool(1);
    for (const char letter : {'a', 'b', 'c', 'd'})
        pool.run("note", [&, letter] { order += letter; });
    pool.stop();
    EXPECT_EQ(order, "abcd");
}

TEST(ThreadPoolTest, JobMayStartAnotherWhileThePoolStops) {
    std::binary_semaphore started(0), stopping(0);
    bool ran = false;
    ThreadPoolExecutor pool(1);
    pool.run("first", [&] {
        started.release();
        stopping.acquire();
        pool.run("second", [&] { ran = true; });
    });
    started.acquire();
    stopping.release();
    pool.stop();
    EXPECT_TRUE(ran);
}

}  // namespace

}  // namespace timber
