#pragma once
// One owner's thread of control: a mailbox of tasks, and timers.
//
// Everything that happens to a single-owner component arrives here: messages, ticks, commands, and
// the completions of disk and executor. A task runs to its end; nothing arrives inside the call
// that started it.
//
// Thread:     post() from any thread; everything else on the loop's own thread. Production gives
//             each loop a thread (src/platform), the simulator runs all loops in one.
// Lifetime:   tasks and timers belong to the caller and outlive their run or cancellation. The
//             loop outlives everything that posts to it.
// Order:      tasks posted by one thread run in the order of their posts.
#include <functional>
#include <utility>

#include "src/base/assert.h"
#include "src/base/io/clock.h"
#include "src/base/io/task.h"

namespace timber {

class EventLoop;

// Calls back once, not before its time. A field of its owner; cancelled by its destructor.
class Timer {
  public:
    explicit Timer(std::move_only_function<void()> expired) : expired_(std::move(expired)) {}
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    bool armed() const { return loop_ != nullptr; }
    // When it will expire; only while armed.
    Instant deadline() const {
        TIMBER_ASSERT(armed());
        return deadline_;
    }

    // For implementations of EventLoop alone: who holds the timer, and its expiry.
    void set_armed(EventLoop& loop, Instant deadline, uint64_t order) {
        loop_ = &loop;
        deadline_ = deadline;
        order_ = order;
    }
    void set_disarmed() { loop_ = nullptr; }
    uint64_t order() const { return order_; }
    void expire() { expired_(); }

  private:
    std::move_only_function<void()> expired_;
    EventLoop* loop_ = nullptr;
    Instant deadline_;
    uint64_t order_ = 0;  // breaks ties between equal deadlines
};

class EventLoop {
  public:
    virtual ~EventLoop() = default;

    // Runs `task` later on the loop's thread. Any thread.
    virtual void post(Task& task) = 0;
    // The same for a function; allocates.
    void post(std::move_only_function<void()> function);

    // Arms `timer`, which must not be armed, to expire `delay` from now.
    virtual void start_timer(Timer& timer, Duration delay) = 0;
    virtual void cancel_timer(Timer& timer) = 0;

    virtual bool on_loop_thread() const = 0;
    virtual Clock& clock() = 0;
};

inline Timer::~Timer() {
    if (armed()) loop_->cancel_timer(*this);
}

}  // namespace timber
