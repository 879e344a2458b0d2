#include "memtable/rate_limiter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "src/base/random.h"

namespace timber::memtable {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = RateLimiter::Kind;

constexpr uint64_t kRate = 10'000'000;
constexpr uint64_t kBucket = kRate / 10;

TEST(RateLimiter, WithoutALimitNobodyWaits) {
    RateLimiter limiter(0, Instant{});
    limiter.charge(uint64_t{1} << 40, Instant{});
    EXPECT_EQ(limiter.delay(Kind::kCompaction, Instant{}), Duration(0));
}

TEST(RateLimiter, AStepThatUsedTooMuchMakesTheNextOneWait) {
    RateLimiter limiter(kRate, Instant{});
    EXPECT_EQ(limiter.delay(Kind::kCompaction, Instant{}), Duration(0));
    limiter.charge(kBucket + kRate, Instant{});
    const Duration delay = limiter.delay(Kind::kCompaction, Instant{});
    EXPECT_GE(delay, seconds(1));
    EXPECT_LE(delay, seconds(1) + Duration(2));
    EXPECT_EQ(limiter.delay(Kind::kCompaction, Instant{} + delay), Duration(0));
}

TEST(RateLimiter, CompactionsGetWhatAFlushLeaves) {
    RateLimiter limiter(kRate, Instant{});
    limiter.charge(kBucket, Instant{});
    limiter.set_flush_running(true);
    EXPECT_EQ(limiter.delay(Kind::kFlush, Instant{}), Duration(0));
    const Duration delay = limiter.delay(Kind::kCompaction, Instant{});
    EXPECT_GE(delay, milliseconds(100));
    limiter.set_flush_running(false);
    EXPECT_EQ(limiter.delay(Kind::kCompaction, Instant{}), Duration(0));
    limiter.set_flush_running(true);
    EXPECT_EQ(limiter.delay(Kind::kCompaction, Instant{} + delay), Duration(0));
}

// A job in simulated time: it steps whenever it may, for a millisecond.
struct Job {
    Kind kind;
    Instant next{};
    uint64_t turn = 0;  // the order in which jobs began to wait
    uint64_t bytes = 0;
};

// As a loop does it: by time, and of timers that expire together the one that was armed first.
Job& next_of(std::vector<Job>& jobs) {
    constexpr Duration kTogether = std::chrono::microseconds(1);
    const Instant first = std::ranges::min_element(jobs, {}, &Job::next)->next;
    Job* chosen = nullptr;
    for (Job& job : jobs)
        if (job.next <= first + kTogether && (chosen == nullptr || job.turn < chosen->turn))
            chosen = &job;
    return *chosen;
}

// The jobs' steps for a while; R1 is checked over every stretch that begins with a step.
void play(std::vector<Job>& jobs, uint64_t seed, Duration time) {
    struct Step {
        Instant at;
        uint64_t bytes;
    };
    constexpr uint64_t kStepMax = 500'000;
    Random random(seed);
    RateLimiter limiter(kRate, Instant{});
    std::vector<Step> steps;
    Instant now;
    for (uint64_t turn = 1;; ++turn) {
        Job& job = next_of(jobs);
        now = std::max(now, job.next);
        if (now > Instant{} + time) break;
        job.turn = turn;
        const Duration delay = limiter.delay(job.kind, now);
        if (delay > Duration(0)) {
            job.next = now + delay;
            continue;
        }
        const uint64_t bytes = random.between(1, kStepMax);
        limiter.charge(bytes, now);
        job.bytes += bytes;
        steps.push_back({now, bytes});
        job.next = now + milliseconds(1);
    }
    for (size_t first = 0; first < steps.size(); first += 7) {
        double bytes = 0;
        for (size_t at = first; at < steps.size(); ++at) {
            bytes += static_cast<double>(steps[at].bytes);
            const auto elapsed = static_cast<double>((steps[at].at - steps[first].at).count());
            const double allowed = elapsed * 1e-9 * kRate + kBucket;
            ASSERT_LE(bytes, allowed + static_cast<double>(jobs.size() * kStepMax));
        }
    }
}

TEST(RateLimiter, OverAnyStretchTheRateIsKeptAndUsed) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
        std::vector<Job> jobs = {{Kind::kCompaction}, {Kind::kCompaction}};
        play(jobs, seed, seconds(20));
        const uint64_t bytes = jobs[0].bytes + jobs[1].bytes;
        EXPECT_GE(bytes, 20 * kRate);
        EXPECT_LE(bytes, 20 * kRate + kBucket + 1'000'000);
        EXPECT_GE(jobs[0].bytes, 5 * kRate);
        EXPECT_GE(jobs[1].bytes, 5 * kRate);
    }
}

TEST(RateLimiter, AFlushGoesFirst) {
    RateLimiter limiter(kRate, Instant{});
    limiter.set_flush_running(true);
    limiter.charge(kBucket, Instant{});
    Instant now;
    for (int step = 0; step < 100; ++step) {
        const Duration delay = limiter.delay(Kind::kFlush, now);
        now = now + delay;
        EXPECT_GT(limiter.delay(Kind::kCompaction, now), Duration(0));
        limiter.charge(200'000, now);
    }
    EXPECT_LE(now - Instant{}, seconds(2) + milliseconds(1));
}

}  // namespace
}  // namespace timber::memtable
