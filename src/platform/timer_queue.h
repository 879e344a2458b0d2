#pragma once
// The armed timers of one loop, by deadline; equal deadlines in the order of arming.
//
// Thread:     the loop's.
// Lifetime:   timers belong to the caller; one that is armed must be cancelled before it dies.
// Invariants: T1  a timer is in the queue exactly while it is armed.
#include <map>
#include <optional>
#include <utility>

#include "src/base/io/event_loop.h"

namespace timber {

class TimerQueue {
  public:
    TimerQueue() = default;
    TimerQueue(const TimerQueue&) = delete;
    TimerQueue& operator=(const TimerQueue&) = delete;

    // `loop` is what the timer will ask to cancel it.
    void arm(Timer& timer, EventLoop& loop, Instant deadline);
    void cancel(Timer& timer);
    // Runs what is due at `now`, in order, and gives how many. A timer armed from inside an expiry
    // waits for the next call, even if it is due: a timer of no delay that arms itself again must
    // not keep the loop here.
    size_t expire(Instant now);

    bool empty() const { return timers_.empty(); }
    std::optional<Instant> next_deadline() const;

  private:
    using Key = std::pair<Instant, uint64_t>;

    std::map<Key, Timer*> timers_;
    uint64_t order_next_ = 0;
};

}  // namespace timber
