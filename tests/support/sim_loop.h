#pragma once
// An event loop of the simulated world.
//
// Tasks run one a step, in the order of their posts; which loop runs next is the seed's choice. A
// timer that expired queues behind the tasks that were there before it.
//
// Each loop has a clock of its own, as each machine has: it runs with the world's unless
// set_clock_rate() says otherwise, and its timers wait by it.
//
// Thread:     the world's one thread. on_loop_thread() is true inside this loop's tasks, and in
//             the test's own code between two steps, which speaks for every loop.
// Lifetime:   the world outlives the loop. The loop is empty and no timer armed when it is
//             destroyed: a queued task may own memory that only running it gives back.
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "src/base/io/event_loop.h"

namespace timber {

class SimWorld;

class SimLoop : public EventLoop {
  public:
    SimLoop(SimWorld& world, std::string_view name);
    ~SimLoop() override;

    void post(Task& task) override;
    using EventLoop::post;
    void start_timer(Timer& timer, Duration delay) override;
    void cancel_timer(Timer& timer) override;
    bool on_loop_thread() const override;
    Clock& clock() override;

    // Runs `function` as a task of this loop, and returns once it ran. From the test's own code.
    void run(std::move_only_function<void()> function);
    // While paused nothing of this loop runs; posts and expired timers wait. Like a process that
    // is stopped.
    void set_paused(bool paused);
    bool paused() const { return paused_; }
    // From now on the loop's clock goes through `per_mille` milliseconds in a second of the world;
    // 1000 is no drift. It never jumps. Timers that are armed keep their moment.
    void set_clock_rate(uint64_t per_mille);

    bool idle() const { return queue_.empty(); }
    const std::string& name() const { return name_; }

  private:
    friend class SimWorld;

    // A task, or a timer that expired.
    struct Item {
        Task* task = nullptr;
        Timer* timer = nullptr;
    };

    class DriftingClock : public Clock {
      public:
        explicit DriftingClock(const SimWorld& world) : world_(world) {}
        Instant now() const override;
        Instant boot_now() const override { return now(); }
        void set_rate(uint64_t per_mille);
        // How long the world takes until this clock has gone on by `duration`, rounded up.
        Duration in_world(Duration duration) const;

      private:
        const SimWorld& world_;
        uint64_t rate_ = 1000;
        // The last moment at which the rate changed, on both clocks.
        Instant world_then_{};
        Instant own_then_{};
    };

    void enqueue(Item item);
    void run_one();
    bool runnable() const { return !queue_.empty() && !paused_; }

    SimWorld& world_;
    const std::string name_;
    DriftingClock clock_;
    std::deque<Item> queue_;
    bool paused_ = false;
    // When the world expires each armed timer, by the timer's order.
    std::map<uint64_t, Instant> expiries_;
    uint64_t number_;  // in order of creation
};

}  // namespace timber
