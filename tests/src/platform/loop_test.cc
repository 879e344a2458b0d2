// The loop's mailbox, sleep and wake-up, timers, and its end.
#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/src/platform/fixture.h"

namespace timber {

namespace {

class LoopTest : public PlatformTest {
  protected:
    std::unique_ptr<LoopThread> start() { return platform_->start_loop("test").value(); }
};

// A task that says when it ran, and may then be posted again.
struct Ping : Task {
    Ping() : Task([](Task& task) { static_cast<Ping&>(task).ran.release(); }) {}
    std::counting_semaphore<> ran{0};
};

TEST_P(LoopTest, PostsToASleepingLoopEachWakeIt) {
    const auto thread = start();
    Ping ping;
    for (int i = 0; i < 20'000; ++i) {
        thread->loop().post(ping);
        ping.ran.acquire();
    }
}

TEST_P(LoopTest, NoPostOfManyThreadsIsLeftLying) {
    constexpr int kPosters = 4;
    constexpr int kRounds = 5'000;
    const auto thread = start();
    std::vector<std::thread> posters;
    for (int i = 0; i < kPosters; ++i) {
        posters.emplace_back([&] {
            Ping ping;
            for (int round = 0; round < kRounds; ++round) {
                thread->loop().post(ping);
                ping.ran.acquire();
            }
        });
    }
    for (std::thread& poster : posters) poster.join();
}

TEST_P(LoopTest, PostsOfOneThreadRunInOrder) {
    const auto thread = start();
    std::vector<int> seen;
    for (int i = 0; i < 10'000; ++i) thread->loop().post([&seen, i] { seen.push_back(i); });
    thread->call([] {});
    EXPECT_EQ(seen.size(), 10'000u);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST_P(LoopTest, TaskPostedFromATaskRunsAfterIt) {
    const auto thread = start();
    std::string order;
    thread->call([&] {
        thread->loop().post([&] { order += 'b'; });
        order += 'a';
    });
    thread->call([&] { order += 'c'; });
    EXPECT_EQ(order, "abc");
}

// Two loops that hand a task back and forth, each asleep while the other runs.
TEST_P(LoopTest, TwoLoopsPassATaskBackAndForth) {
    const auto left = start();
    const auto right = start();
    std::binary_semaphore over(0);
    int count_left = 10'000;
    std::move_only_function<void()> hit = [&] {
        if (--count_left == 0) return over.release();
        LoopThread& other = left->loop().on_loop_thread() ? *right : *left;
        other.loop().post([&hit] { hit(); });
    };
    left->loop().post([&hit] { hit(); });
    over.acquire();
}

TEST_P(LoopTest, TimersExpireInOrderOfDeadlineAndNotEarly) {
    const auto thread = start();
    std::binary_semaphore over(0);
    std::string order;
    std::unique_ptr<Timer> early, late, same;
    Clock& clock = platform_->clock();
    thread->call([&] {
        Loop& loop = thread->loop();
        late = std::make_unique<Timer>([&] {
            EXPECT_GE(clock.now(), early->armed() ? early->deadline() : Instant{});
            order += "late ";
            over.release();
        });
        early = std::make_unique<Timer>([&, deadline = clock.now() + Duration(1'000'000)] {
            EXPECT_GE(clock.now(), deadline);
            order += "early ";
        });
        same = std::make_unique<Timer>([&] { order += "now "; });
        loop.start_timer(*late, Duration(3'000'000));
        loop.start_timer(*early, Duration(1'000'000));
        loop.start_timer(*same, Duration(0));
    });
    over.acquire();
    EXPECT_EQ(order, "now early late ");
    thread->call([&] { EXPECT_FALSE(early->armed() || late->armed() || same->armed()); });
}

TEST_P(LoopTest, CancelledTimerDoesNotExpire) {
    const auto thread = start();
    std::binary_semaphore over(0);
    Timer cancelled([] { ADD_FAILURE(); });
    Timer last([&] { over.release(); });
    thread->call([&] {
        const Timer dies_armed([] { ADD_FAILURE(); });
        thread->loop().start_timer(cancelled, Duration(500'000));
        thread->loop().start_timer(const_cast<Timer&>(dies_armed), Duration(500'000));
        thread->loop().start_timer(last, Duration(1'000'000));
        thread->loop().cancel_timer(cancelled);
    });
    over.acquire();
}

TEST_P(LoopTest, TimerThatArmsItselfDoesNotKeepTasksOut) {
    const auto thread = start();
    bool enough = false;
    int expiries = 0;
    std::unique_ptr<Timer> timer;
    timer = std::make_unique<Timer>([&] {
        ++expiries;
        if (!enough) thread->loop().start_timer(*timer, Duration(0));
    });
    thread->call([&] { thread->loop().start_timer(*timer, Duration(0)); });
    for (int i = 0; i < 100; ++i) thread->call([] {});
    thread->call([&] { enough = true; });
    thread->stop();
    EXPECT_GE(expiries, 100);
}

TEST_P(LoopTest, StopRunsWhatWasPostedBefore) {
    for (int round = 0; round < 200; ++round) {
        const auto thread = start();
        int ran = 0;
        for (int i = 0; i < 10; ++i) thread->loop().post([&] { ++ran; });
        thread->stop();
        EXPECT_EQ(ran, 10);
    }
}

TEST_P(LoopTest, StoppedLoopLetsTimersDie) {
    const auto thread = start();
    Timer timer([] { ADD_FAILURE(); });
    thread->call([&] { thread->loop().start_timer(timer, std::chrono::hours(1)); });
    thread->stop();
    EXPECT_TRUE(timer.armed());
}

// Many sync'd writes are at the disk when the loop is told to stop: all of them end first.
TEST_P(LoopTest, StopWaitsForOperationsInFlight) {
    constexpr size_t kCount = 64;
    const FileHandle file = make_file("f", kCount * 4096);
    AlignedBuffer buffer(4096, 7);
    const auto thread = start();
    std::vector<std::unique_ptr<IoOp>> operations;
    size_t completed = 0;
    thread->call([&] {
        for (size_t i = 0; i < kCount; ++i) {
            operations.push_back(std::make_unique<IoOp>(
                thread->loop(), [](void* context, IoOp&) { ++*static_cast<size_t*>(context); },
                &completed));
            operations.back()->prepare_write(file, i * 4096, buffer.bytes(), true);
            disk_->submit(*operations.back());
        }
    });
    thread->stop();
    EXPECT_EQ(completed, kCount);
    for (const auto& operation : operations) EXPECT_TRUE(operation->result().ok());
    disk_->close(file);
}

// The tasks keep coming, but completions arrive all the same; and the other way round.
TEST_P(LoopTest, BusyMailboxDoesNotStarveCompletions) {
    const FileHandle file = make_file("f", 4096);
    AlignedBuffer buffer(4096);
    const auto thread = start();
    std::atomic<bool> completed = false;
    IoOp read(
        thread->loop(),
        [](void* context, IoOp&) { *static_cast<std::atomic<bool>*>(context) = true; }, &completed);
    std::binary_semaphore over(0);
    std::move_only_function<void()> again = [&] {
        if (completed) return over.release();
        thread->loop().post([&again] { again(); });
    };
    thread->call([&] {
        read.prepare_read(file, 0, buffer.bytes());
        disk_->submit(read);
        again();
    });
    over.acquire();
    disk_->close(file);
}

TEST_P(LoopTest, LoopOfTheCallersOwnThreadRunsThere) {
    const auto loop = platform_->make_loop().value();
    bool ran = false;
    loop->post([&] {
        ran = loop->on_loop_thread();
        loop->stop();
        loop->stop();
    });
    EXPECT_FALSE(loop->on_loop_thread());
    loop->run();
    EXPECT_TRUE(ran);
}

TIMBER_FOR_BOTH_BACKENDS(LoopTest);

}  // namespace

}  // namespace timber
