#pragma once
// The production event loop: mailbox, timers, and the sleep and wake-up between threads.
//
// This base has all but the waiting itself, which UringLoop does in its ring and PlainLoop on a
// condition variable. One turn of the loop: run every task that was in the mailbox, run the timers
// that are due, then hand over what the disk was asked for and take its completions, without
// blocking if the mailbox has more. So neither tasks nor completions can starve the other.
//
// Thread:     run() on the thread that becomes the loop's; post() and stop() from any thread;
//             everything else on the loop's thread. While no thread is in run(), timers may be
//             cancelled from anywhere.
// Lifetime:   outlives every call of post(), which may end after its task ran. run() is called
// once. Invariants: L1  a task that was posted runs, unless run() had returned before.
//             L2  run() does not return while an operation of the disk is in flight for it.
#include <atomic>
#include <optional>

#include "src/base/io/clock.h"
#include "src/base/io/event_loop.h"
#include "src/base/io/task.h"
#include "src/platform/timer_queue.h"

namespace timber {

class Loop : public EventLoop {
  public:
    explicit Loop(Clock& clock);
    ~Loop() override;
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Runs tasks, timers and completions until stop(). What was posted before stop() still runs,
    // operations in flight complete and their completions run; timers that are not due stay armed
    // and never expire.
    void run();
    // May be called several times.
    void stop();
    // The loop that the calling thread is in, null if it is in none.
    static Loop* current();

    // EventLoop.
    using EventLoop::post;
    void post(Task& task) override;
    void start_timer(Timer& timer, Duration delay) override;
    void cancel_timer(Timer& timer) override;
    bool on_loop_thread() const override { return current() == this; }
    Clock& clock() override { return clock_; }

    // For disks, on the loop's thread: an operation with this loop as its home that the loop cannot
    // see by itself starts and ends (L2).
    void operation_started() { ++operations_in_flight_; }
    void operation_finished() {
        TIMBER_ASSERT_OP(operations_in_flight_, >, size_t{0});
        --operations_in_flight_;
    }

  protected:
    // run() begins, on its thread.
    virtual void enter() {}
    // Submits and completes operations without blocking.
    virtual void poll() = 0;
    // The same, but sleeps until a completion, wake() or `timeout` if there is nothing to do.
    // Returning early is harmless.
    virtual void wait(std::optional<Duration> timeout) = 0;
    // Ends the present wait(), or the next one if none is going on. Any thread.
    virtual void wake() = 0;
    // Whether nothing is in flight for this loop (L2).
    virtual bool quiet() const { return operations_in_flight_ == 0; }

  private:
    void run_mailbox();
    void expire_timers();
    bool finished() const { return stopping_ && quiet() && mailbox_.empty(); }
    void poll_or_wait();
    // How long wait() may sleep: nothing if there is no timer.
    std::optional<Duration> wait_limit() const;

    Clock& clock_;

    // Any thread.
    TaskQueue mailbox_;
    std::atomic<bool> sleeping_ = false;
    std::atomic<bool> stop_posted_ = false;
    Task stop_task_;

    // The loop's thread.
    std::atomic<bool> running_ = false;  // read by others for assertions
    bool stopping_ = false;
    size_t operations_in_flight_ = 0;
    TimerQueue timers_;
};

}  // namespace timber
