#include "tests/support/sim_world.h"

#include <algorithm>

#include "src/base/assert.h"

namespace timber {

namespace {

// What a step did, for the trace.
enum class Happened : uint64_t { kLoop = 1, kFiber = 2, kTimeline = 3 };

}  // namespace

SimWorld::SimWorld(uint64_t seed, Options options) : options_(options), random_(seed) {
    trace(seed);
}

SimWorld::~SimWorld() {
    TIMBER_ASSERT(!in_step_);
    TIMBER_ASSERT_OP(fibers_.size(), ==, 0u);
    TIMBER_ASSERT_OP(ready_loops_.size(), ==, 0u);
}

bool SimWorld::step() {
    TIMBER_ASSERT(!in_step_);
    const size_t ready = ready_loops_.size() + ready_fibers_.size();
    if (ready == 0 && timeline_.empty()) return false;
    in_step_ = true;
    ++steps_;
    const bool front_due = !timeline_.empty() && (timeline_.begin()->first.first <= now() ||
                                                  random_.percent(options_.slow_processor_percent));
    const size_t choice = ready == 0 ? 0 : random_.below(ready + (front_due ? 1 : 0));
    if (choice >= ready) {
        run_timeline_front();
    } else if (choice < ready_loops_.size()) {
        run_loop(*ready_loops_[choice]);
    } else {
        run_fiber(choice - ready_loops_.size());
    }
    in_step_ = false;
    return true;
}

bool SimWorld::run_until(const std::function<bool()>& predicate) {
    while (!predicate()) {
        if (!step()) return false;
    }
    return true;
}

void SimWorld::run_until_idle() {
    while (step()) {
    }
}

void SimWorld::run_for(Duration duration) {
    bool over = false;
    schedule(now() + duration, [&over] { over = true; });
    TIMBER_ASSERT(run_until([&over] { return over; }));
}

void SimWorld::run_job(std::move_only_function<void()> job) {
    if (current_job_ != nullptr) {
        job();
        return;
    }
    bool ended = false;
    spawn("run_job", [&] {
        job();
        ended = true;
    });
    // Nothing left to run while the job waits: whatever it waits for will never come.
    TIMBER_ASSERT(run_until([&] { return ended; }));
}

uint64_t SimWorld::schedule(Instant when, std::move_only_function<void()> function) {
    const uint64_t number = next_number();
    timeline_.emplace(TimelineKey{std::max(when, now()), number}, std::move(function));
    return number;
}

bool SimWorld::cancel(Instant when, uint64_t number) {
    return timeline_.erase(TimelineKey{when, number}) == 1;
}

void SimWorld::trace(uint64_t value) { trace_hash_.mix(value); }

SimFiber& SimWorld::spawn(const char* name, std::move_only_function<void()> job) {
    Fiber fiber{std::make_unique<SimFiber>(name, std::move(job)), next_number()};
    SimFiber& spawned = *fiber.fiber;
    fibers_.push_back(std::move(fiber));
    ready_fibers_.push_back(&spawned);
    return spawned;
}

void SimWorld::park() {
    TIMBER_ASSERT(current_job_ != nullptr);
    SimFiber* const self = current_job_;
    current_job_ = nullptr;
    self->suspend();
    current_job_ = self;
}

void SimWorld::wake(SimFiber& fiber) {
    TIMBER_CHECK_SLOW(std::ranges::find(ready_fibers_, &fiber) == ready_fibers_.end());
    ready_fibers_.push_back(&fiber);
}

void SimWorld::sleep(Duration duration) {
    SimFiber* const self = current_job_;
    TIMBER_ASSERT(self != nullptr);
    schedule(now() + duration, [this, self] { wake(*self); });
    park();
}

void SimWorld::loop_ready(SimLoop& loop) { ready_loops_.push_back(&loop); }

void SimWorld::loop_not_ready(SimLoop& loop) { std::erase(ready_loops_, &loop); }

bool SimWorld::running(const SimLoop& loop) const { return !in_step_ || current_loop_ == &loop; }

void SimWorld::run_loop(SimLoop& loop) {
    trace(static_cast<uint64_t>(Happened::kLoop));
    trace(loop.number_);
    current_loop_ = &loop;
    loop.run_one();
    current_loop_ = nullptr;
}

void SimWorld::run_fiber(size_t ready_index) {
    SimFiber* const fiber = ready_fibers_[ready_index];
    ready_fibers_.erase(ready_fibers_.begin() + static_cast<ptrdiff_t>(ready_index));
    const auto owner =
        std::ranges::find_if(fibers_, [&](const Fiber& each) { return each.fiber.get() == fiber; });
    TIMBER_ASSERT(owner != fibers_.end());
    trace(static_cast<uint64_t>(Happened::kFiber));
    trace(owner->number);
    current_job_ = fiber;
    fiber->resume();
    current_job_ = nullptr;
    if (!fiber->ended()) return;
    // The job may have started others meanwhile, so its place is looked up again.
    std::erase_if(fibers_, [&](const Fiber& each) { return each.fiber.get() == fiber; });
}

void SimWorld::run_timeline_front() {
    auto front = timeline_.extract(timeline_.begin());
    const auto [when, number] = front.key();
    clock_.now_ = std::max(clock_.now_, when);
    trace(static_cast<uint64_t>(Happened::kTimeline));
    trace(number);
    trace(static_cast<uint64_t>(now().nanoseconds));
    front.mapped()();
}

}  // namespace timber
