#include "src/platform/timer_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "src/base/random.h"

namespace timber {

namespace {

// Only what a Timer's destructor needs.
class QueueLoop : public EventLoop {
  public:
    void post(Task&) override { TIMBER_UNREACHABLE(); }
    void start_timer(Timer& timer, Duration delay) override {
        queue.arm(timer, *this, now + delay);
    }
    void cancel_timer(Timer& timer) override { queue.cancel(timer); }
    bool on_loop_thread() const override { return true; }
    Clock& clock() override { TIMBER_UNREACHABLE(); }

    TimerQueue queue;
    Instant now;
};

constexpr Duration kTick(1000);

TEST(TimerQueueTest, ExpiresWhatIsDueInOrder) {
    QueueLoop loop;
    std::string order;
    Timer a([&] { order += 'a'; }), b([&] { order += 'b'; }), c([&] { order += 'c'; });
    loop.start_timer(c, 3 * kTick);
    loop.start_timer(a, 1 * kTick);
    loop.start_timer(b, 1 * kTick);
    EXPECT_EQ(loop.queue.expire(loop.now), 0u);
    EXPECT_EQ(loop.queue.expire(loop.now + 2 * kTick), 2u);
    EXPECT_EQ(order, "ab");
    EXPECT_EQ(loop.queue.next_deadline(), loop.now + 3 * kTick);
    EXPECT_TRUE(c.armed());
}

TEST(TimerQueueTest, ExpiryMayCancelAnotherThatIsDue) {
    QueueLoop loop;
    Timer second([] { ADD_FAILURE(); });
    Timer first([&] { loop.cancel_timer(second); });
    loop.start_timer(first, kTick);
    loop.start_timer(second, kTick);
    EXPECT_EQ(loop.queue.expire(loop.now + kTick), 1u);
    EXPECT_TRUE(loop.queue.empty());
}

TEST(TimerQueueTest, TimerArmedInAnExpiryWaitsForTheNextTurn) {
    QueueLoop loop;
    int expired = 0;
    Timer late([&] { ++expired; });
    std::unique_ptr<Timer> again;
    again = std::make_unique<Timer>([&] {
        ++expired;
        loop.start_timer(*again, Duration(0));
    });
    loop.start_timer(*again, Duration(0));
    loop.start_timer(late, Duration(0));
    EXPECT_EQ(loop.queue.expire(loop.now), 2u);
    EXPECT_EQ(loop.queue.expire(loop.now), 1u);
    EXPECT_EQ(expired, 3);
    loop.cancel_timer(*again);
}

TEST(TimerQueueTest, AgreesWithASortedList) {
    Random random(1);
    QueueLoop loop;
    std::vector<std::unique_ptr<Timer>> timers;
    std::vector<size_t> expired;
    for (size_t i = 0; i < 50; ++i) {
        timers.push_back(std::make_unique<Timer>([&expired, i] { expired.push_back(i); }));
    }
    for (int step = 0; step < 20'000; ++step) {
        Timer& timer = *timers[random.below(timers.size())];
        if (timer.armed()) loop.cancel_timer(timer);
        if (random.percent(70)) loop.start_timer(timer, random.below(100) * kTick);
        if (!random.one_in(5)) continue;
        loop.now = loop.now + random.below(30) * kTick;
        std::vector<std::pair<Instant, uint64_t>> due;
        std::vector<size_t> expected;
        for (const auto& each : timers) {
            if (each->armed() && each->deadline() <= loop.now)
                due.emplace_back(each->deadline(), each->order());
        }
        std::sort(due.begin(), due.end());
        for (const auto& key : due) {
            for (size_t i = 0; i < timers.size(); ++i) {
                if (timers[i]->armed() && timers[i]->order() == key.second) expected.push_back(i);
            }
        }
        expired.clear();
        loop.queue.expire(loop.now);
        ASSERT_EQ(expired, expected);
    }
}

}  // namespace

}  // namespace timber
