#include "tests/support/sim_world.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace timber {
namespace {

using namespace std::chrono_literals;

struct Outcome {
    std::string order;
    uint64_t trace_hash = 0;
};

// Three loops and three jobs, each with three turns: what order they come in.
Outcome run_scenario(uint64_t seed) {
    Outcome outcome;
    SimWorld world(seed);
    SimLoop loops[] = {{world, "a"}, {world, "b"}, {world, "c"}};
    for (int turn = 0; turn < 3; ++turn) {
        for (SimLoop& loop : loops) loop.post([&] { outcome.order += loop.name(); });
    }
    for (const char* name : {"x", "y", "z"}) {
        world.executor().run(name, [&world, &outcome, name] {
            for (int turn = 0; turn < 3; ++turn) {
                outcome.order += name;
                world.sleep(1ns * world.random().below(3));
            }
        });
    }
    world.run_until_idle();
    outcome.trace_hash = world.trace_hash();
    return outcome;
}

TEST(SimWorld, TheSameSeedGivesTheSameRun) {
    for (uint64_t seed = 0; seed < 50; ++seed) {
        const Outcome first = run_scenario(seed);
        const Outcome second = run_scenario(seed);
        EXPECT_EQ(first.order, second.order);
        EXPECT_EQ(first.trace_hash, second.trace_hash);
    }
}

TEST(SimWorld, DifferentSeedsGiveDifferentOrders) {
    std::set<std::string> orders;
    std::set<uint64_t> hashes;
    for (uint64_t seed = 0; seed < 100; ++seed) {
        const Outcome outcome = run_scenario(seed);
        EXPECT_EQ(outcome.order.size(), 18u);
        orders.insert(outcome.order);
        hashes.insert(outcome.trace_hash);
    }
    EXPECT_GT(orders.size(), 90u);
    EXPECT_EQ(hashes.size(), 100u);
}

TEST(SimWorld, ALoopKeepsTheOrderOfItsTasks) {
    for (uint64_t seed = 0; seed < 20; ++seed) {
        SimWorld world(seed);
        SimLoop loop(world, "loop");
        SimLoop other(world, "other");
        std::string order;
        for (char letter = 'a'; letter <= 'f'; ++letter) {
            loop.post([&order, letter] { order += letter; });
            other.post([] {});
        }
        world.run_until_idle();
        EXPECT_EQ(order, "abcdef");
    }
}

TEST(SimWorld, TimeStandsStillUntilSomethingIsDue) {
    SimWorld world(1);
    SimLoop loop(world, "loop");
    std::string order;
    Timer late([&] { order += "late"; });
    Timer early([&] { order += "early "; });
    Timer never([&] { order += "never"; });
    loop.start_timer(late, 20ms);
    loop.start_timer(early, 10ms);
    loop.start_timer(never, 15ms);
    loop.cancel_timer(never);
    EXPECT_EQ(world.now(), Instant{});
    world.run_until_idle();
    EXPECT_EQ(order, "early late");
    EXPECT_EQ(world.now() - Instant{}, 20ms);
    EXPECT_FALSE(late.armed());
}

TEST(SimWorld, AnExpiredTimerCanBeCancelledBeforeItRuns) {
    SimWorld world(1, {.slow_processor_percent = 0});
    SimLoop loop(world, "loop");
    bool expired = false;
    Timer timer([&] { expired = true; });
    loop.set_paused(true);
    loop.start_timer(timer, 1ms);
    world.run_until_idle();
    EXPECT_FALSE(loop.idle());
    loop.cancel_timer(timer);
    loop.set_paused(false);
    world.run_until_idle();
    EXPECT_FALSE(expired);
}

TEST(SimWorld, TheCodeKnowsWhichLoopItRunsOn) {
    SimWorld world(1);
    SimLoop loop(world, "loop");
    SimLoop other(world, "other");
    EXPECT_TRUE(loop.on_loop_thread());
    loop.run([&] {
        EXPECT_TRUE(loop.on_loop_thread());
        EXPECT_FALSE(other.on_loop_thread());
    });
    world.run_job([&] { EXPECT_FALSE(loop.on_loop_thread()); });
}

TEST(SimWorld, JobsCanBeStartedFromJobs) {
    SimWorld world(7);
    int ended = 0;
    world.run_job([&] {
        for (int index = 0; index < 10; ++index) {
            world.executor().run("inner", [&] {
                world.sleep(1us);
                ++ended;
            });
        }
        world.sleep(1s);
    });
    EXPECT_EQ(ended, 10);
    EXPECT_EQ(world.jobs_alive(), 0u);
}

TEST(SimWorld, RunForPassesVirtualTime) {
    SimWorld world(3);
    SimLoop loop(world, "loop");
    int ticks = 0;
    Timer again([&] {
        ++ticks;
        loop.start_timer(again, 10ms);
    });
    loop.start_timer(again, 10ms);
    world.run_for(105ms);
    EXPECT_EQ(ticks, 10);
    loop.cancel_timer(again);
}

TEST(SimWorld, AFastClockExpiresItsTimersEarlierByTheWorlds) {
    SimWorld world(1, {.slow_processor_percent = 0});
    SimLoop fast(world, "fast");
    SimLoop slow(world, "slow");
    fast.set_clock_rate(1250);
    slow.set_clock_rate(800);
    Instant fast_at, slow_at;
    Timer fast_timer([&] { fast_at = world.now(); });
    Timer slow_timer([&] { slow_at = world.now(); });
    fast.start_timer(fast_timer, 100ms);
    slow.start_timer(slow_timer, 100ms);
    world.run_until_idle();
    EXPECT_EQ(fast_at - Instant{}, 80ms);
    EXPECT_EQ(slow_at - Instant{}, 125ms);
    EXPECT_EQ(slow.clock().now() - Instant{}, 100ms);
    fast.set_clock_rate(1000);
    EXPECT_EQ(fast.clock().now() - Instant{}, 156'250us);  // it never jumps
}

TEST(SimWorld, ATimerOfADriftingClockCanBeCancelled) {
    SimWorld world(1);
    SimLoop loop(world, "loop");
    loop.set_clock_rate(3);
    Timer timer([] { FAIL(); });
    loop.start_timer(timer, 1s);
    loop.cancel_timer(timer);
    world.run_until_idle();
}

}  // namespace
}  // namespace timber
