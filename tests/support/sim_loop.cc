#include "tests/support/sim_loop.h"

#include <algorithm>
#include <utility>

#include "tests/support/sim_world.h"

namespace timber {

SimLoop::SimLoop(SimWorld& world, std::string_view name)
    : world_(world), name_(name), number_(world.next_number()) {}

SimLoop::~SimLoop() {
    TIMBER_ASSERT(queue_.empty());
    TIMBER_ASSERT_OP(timers_armed_, ==, 0u);
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
    const Instant deadline = world_.now() + std::max(delay, Duration::zero());
    const uint64_t order =
        world_.schedule(deadline, [this, &timer] { enqueue({.timer = &timer}); });
    timer.set_armed(*this, deadline, order);
    ++timers_armed_;
}

void SimLoop::cancel_timer(Timer& timer) {
    TIMBER_ASSERT(timer.armed());
    if (!world_.cancel(timer.deadline(), timer.order())) {
        const auto found = std::ranges::find(queue_, &timer, &Item::timer);
        TIMBER_ASSERT(found != queue_.end());
        const bool was_runnable = runnable();
        queue_.erase(found);
        if (was_runnable && !runnable()) world_.loop_not_ready(*this);
    }
    timer.set_disarmed();
    --timers_armed_;
}

bool SimLoop::on_loop_thread() const { return world_.running(*this); }

Clock& SimLoop::clock() { return world_.clock(); }

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
    item.timer->set_disarmed();
    --timers_armed_;
    item.timer->expire();
}

}  // namespace timber
