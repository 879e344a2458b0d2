#include "src/platform/loop.h"

#include <algorithm>

namespace timber {

namespace {

thread_local Loop* current_loop = nullptr;

}  // namespace

Loop* Loop::current() { return current_loop; }

Loop::Loop(Clock& clock)
    : clock_(clock), stop_task_([](Task&) { current_loop->stopping_ = true; }) {}

Loop::~Loop() { TIMBER_ASSERT(!running_); }

// Why no task is left lying while the loop sleeps. Four sequentially consistent steps:
//   poster: P1 push the task        P2 read `sleeping_`
//   loop:   S1 set `sleeping_`      S2 read whether the mailbox is empty
// All four have one order. If P2 reads false, it comes before S1 (`sleeping_` goes from false to
// true in S1 alone), so P1 comes before S2, and the loop sees the task and does not sleep. If P2
// reads true, the poster wakes the loop, and wake() also ends a wait() that is yet to begin. Only
// the poster that made the mailbox non-empty looks at `sleeping_`: between S2, which saw it empty,
// and the wake-up there is exactly one such poster.
void Loop::post(Task& task) {
    const bool was_empty = mailbox_.push(task);
    if (was_empty && sleeping_.load(std::memory_order_seq_cst) && sleeping_.exchange(false)) wake();
}

void Loop::poll_or_wait() {
    if (!mailbox_.empty()) return poll();
    sleeping_.store(true, std::memory_order_seq_cst);
    if (mailbox_.empty()) {
        wait(wait_limit());
    } else {
        poll();
    }
    sleeping_.store(false, std::memory_order_relaxed);
}

void Loop::run() {
    TIMBER_ASSERT(current_loop == nullptr);
    TIMBER_ASSERT(!running_ && !stopping_);
    current_loop = this;
    running_ = true;
    enter();
    while (true) {
        run_mailbox();
        expire_timers();
        if (finished()) break;
        poll_or_wait();
    }
    running_ = false;
    current_loop = nullptr;
}

void Loop::stop() {
    if (!stop_posted_.exchange(true)) post(stop_task_);
}

void Loop::start_timer(Timer& timer, Duration delay) {
    TIMBER_ASSERT(on_loop_thread());
    timers_.arm(timer, *this, clock_.now() + std::max(delay, Duration::zero()));
}

void Loop::cancel_timer(Timer& timer) {
    TIMBER_ASSERT(on_loop_thread() || !running_);
    timers_.cancel(timer);
}

void Loop::run_mailbox() {
    mailbox_.take_all([](Task& task) { task.run(); });
}

void Loop::expire_timers() {
    if (!timers_.empty()) timers_.expire(clock_.now());
}

std::optional<Duration> Loop::wait_limit() const {
    const std::optional<Instant> deadline = timers_.next_deadline();
    if (!deadline) return std::nullopt;
    return std::max(*deadline - clock_.now(), Duration::zero());
}

}  // namespace timber
