#include "tests/support/sim_loop.h"

#include <algorithm>
#include <utility>

#include "tests/support/sim_world.h"

namespace timber {

Instant SimLoop::DriftingClock::now() const {
    const uint64_t passed = static_cast<uint64_t>((world_.now() - world_then_).count());
    return own_then_ + Duration(passed / 1000 * rate_ + passed % 1000 * rate_ / 1000);
}

void SimLoop::DriftingClock::set_rate(uint64_t per_mille) {
    TIMBER_ASSERT(per_mille > 0);
    own_then_ = now();
    world_then_ = world_.now();
    rate_ = per_mille;
}

Duration SimLoop::DriftingClock::in_world(Duration duration) const {
    if (rate_ == 1000) return duration;
    const uint64_t own = static_cast<uint64_t>(duration.count());
    return Duration(own / rate_ * 1000 + (own % rate_ * 1000 + rate_ - 1) / rate_);
}

SimLoop::SimLoop(SimWorld& world, std::string_view name)
    : world_(world), name_(name), clock_(world), number_(world.next_number()) {}

SimLoop::~SimLoop() {
    TIMBER_ASSERT(queue_.empty());
    TIMBER_ASSERT(expiries_.empty());
}

void SimLoop::post(Task& task) { enqueue({.task = &task}); }

void SimLoop::enqueue(Item item) {
    const bool was_runnable = runnable();
    queue_.push_back(item);
    if (!was_runnable && runnable()) world_.loop_ready(*this);
}

void SimLoop::set_paused(bool paused) {
    const bool was_runnable = runnable();
    paused_ = paused;
    if (was_runnable && !runnable()) world_.loop_not_ready(*this);
    if (!was_runnable && runnable()) world_.loop_ready(*this);
}

void SimLoop::start_timer(Timer& timer, Duration delay) {
    TIMBER_ASSERT(!timer.armed());
    delay = std::max(delay, Duration::zero());
    const Instant expiry = world_.now() + clock_.in_world(delay);
    const uint64_t order = world_.schedule(expiry, [this, &timer] { enqueue({.timer = &timer}); });
    timer.set_armed(*this, clock_.now() + delay, order);
    expiries_.emplace(order, expiry);
}

void SimLoop::cancel_timer(Timer& timer) {
    TIMBER_ASSERT(timer.armed());
    const auto expiry = expiries_.extract(timer.order());
    TIMBER_ASSERT(!expiry.empty());
    if (!world_.cancel(expiry.mapped(), timer.order())) {
        const auto found = std::ranges::find(queue_, &timer, &Item::timer);
        TIMBER_ASSERT(found != queue_.end());
        const bool was_runnable = runnable();
        queue_.erase(found);
        if (was_runnable && !runnable()) world_.loop_not_ready(*this);
    }
    timer.set_disarmed();
}

bool SimLoop::on_loop_thread() const { return world_.running(*this); }

Clock& SimLoop::clock() { return clock_; }

void SimLoop::set_clock_rate(uint64_t per_mille) { clock_.set_rate(per_mille); }

void SimLoop::run(std::move_only_function<void()> function) {
    bool ran = false;
    post([&] {
        function();
        ran = true;
    });
    TIMBER_ASSERT(world_.run_until([&] { return ran; }));
}

void SimLoop::run_one() {
    const Item item = queue_.front();
    queue_.pop_front();
    if (!runnable()) world_.loop_not_ready(*this);
    if (item.task != nullptr) {
        item.task->run();
        return;
    }
    expiries_.erase(item.timer->order());
    item.timer->set_disarmed();
    item.timer->expire();
}

}  // namespace timber
