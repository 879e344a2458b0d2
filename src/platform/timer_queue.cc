#include "src/platform/timer_queue.h"

namespace timber {

void TimerQueue::arm(Timer& timer, EventLoop& loop, Instant deadline) {
    TIMBER_ASSERT(!timer.armed());
    timer.set_armed(loop, deadline, order_next_);
    timers_.emplace(Key{deadline, order_next_}, &timer);
    ++order_next_;
}

void TimerQueue::cancel(Timer& timer) {
    if (!timer.armed()) return;
    const size_t erased = timers_.erase(Key{timer.deadline(), timer.order()});
    TIMBER_ASSERT_OP(erased, ==, size_t{1});
    timer.set_disarmed();
}

size_t TimerQueue::expire(Instant now) {
    const uint64_t order_end = order_next_;
    size_t expired_count = 0;
    // Looks from the front each time, because an expiry may cancel any other timer.
    auto next = timers_.begin();
    while (next != timers_.end() && next->first.first <= now) {
        const Key key = next->first;
        if (key.second >= order_end) {
            ++next;
            continue;
        }
        Timer& timer = *next->second;
        timers_.erase(next);
        timer.set_disarmed();
        timer.expire();
        ++expired_count;
        next = timers_.upper_bound(key);
    }
    return expired_count;
}

std::optional<Instant> TimerQueue::next_deadline() const {
    if (timers_.empty()) return std::nullopt;
    return timers_.begin()->first.first;
}

}  // namespace timber
