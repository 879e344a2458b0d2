#pragma once
// An event loop of the simulated world.
//
// Tasks run one a step, in the order of their posts; which loop runs next is the seed's choice. A
// timer that expired queues behind the tasks that were there before it.
//
// Thread:     the world's one thread. on_loop_thread() is true inside this loop's tasks, and in
//             the test's own code between two steps, which speaks for every loop.
// Lifetime:   the world outlives the loop. The loop is empty and no timer armed when it is
//             destroyed: a queued task may own memory that only running it gives back.
#include <deque>
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

    bool idle() const { return queue_.empty(); }
    const std::string& name() const { return name_; }

  private:
    friend class SimWorld;

    // A task, or a timer that expired.
    struct Item {
        Task* task = nullptr;
        Timer* timer = nullptr;
    };

    void enqueue(Item item);
    void run_one();
    bool runnable() const { return !queue_.empty() && !paused_; }

    SimWorld& world_;
    const std::string name_;
    std::deque<Item> queue_;
    bool paused_ = false;
    size_t timers_armed_ = 0;
    uint64_t number_;  // in order of creation
};

}  // namespace timber
