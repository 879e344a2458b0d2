#pragma once
// A world in one thread, from one seed: virtual time, event loops, jobs on fibers, and whatever
// the simulated disks and networks schedule.
//
// step() lets one thing happen: a loop's next task, a job up to its next wait, or the next thing
// on the timeline (a timer's expiry, an I/O completion). Which of them is the seed's choice, so
// two runs with the same seed are the same to the last byte, and trace_hash() says so. Time moves
// only to the next thing on the timeline: always when nothing else can run, and now and then when
// something could, which is how a slow processor looks.
//
// Thread:     the thread that made it. The test's own code runs between two steps and may call
//             anything; code inside a step does not call the step and run functions.
// Lifetime:   outlives its loops and disks. No job is left when it is destroyed.
// Invariants: W1  time never goes back.
//             W2  at most one thing runs at any moment.
//             W3  no decision depends on an address.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "src/base/io/clock.h"
#include "src/base/io/executor.h"
#include "src/base/random.h"
#include "tests/support/sim_fiber.h"
#include "tests/support/sim_loop.h"
#include "tests/support/trace_hash.h"

namespace timber {

struct SimWorldOptions {
    // How often time moves on although something could run.
    uint64_t slow_processor_percent = 5;
};

class SimWorld {
  public:
    using Options = SimWorldOptions;

    explicit SimWorld(uint64_t seed, Options options = {});
    ~SimWorld();
    SimWorld(const SimWorld&) = delete;
    SimWorld& operator=(const SimWorld&) = delete;

    // Lets one thing happen; false if there is nothing left.
    bool step();
    // Steps until `predicate` holds; false if nothing was left before that.
    bool run_until(const std::function<bool()>& predicate);
    // Steps until nothing is left. Never returns while something keeps arming timers.
    void run_until_idle();
    // Steps for `duration` of virtual time.
    void run_for(Duration duration);
    // Runs `job` on a fiber until it has ended; within a job, runs it right there. This is how
    // tests write straight-line code. A job that can never end is a failed assertion.
    void run_job(std::move_only_function<void()> job);

    Clock& clock() { return clock_; }
    Executor& executor() { return executor_; }
    Instant now() const { return clock_.now(); }
    // For everything in this world that is drawn while it runs.
    Random& random() { return random_; }
    // Changes with every decision taken so far, and with nothing else.
    uint64_t trace_hash() const { return trace_hash_.value(); }
    uint64_t steps() const { return steps_; }
    // Jobs that have not ended.
    size_t jobs_alive() const { return fibers_.size(); }

    // For what lives in the world.

    // Runs `function` at `when` or later, outside of loops and jobs. The number cancels it.
    uint64_t schedule(Instant when, std::move_only_function<void()> function);
    // False if it has run already.
    bool cancel(Instant when, uint64_t number);
    // Mixes `value` into the trace hash.
    void trace(uint64_t value);
    // The job that runs now; null outside of jobs.
    SimFiber* current_job() const { return current_job_; }
    // From a job: others run, until wake() names it.
    void park();
    void wake(SimFiber& fiber);
    // From a job: others run, for `duration` at least.
    void sleep(Duration duration);
    // A fresh number, in order of the calls.
    uint64_t next_number() { return ++last_number_; }

  private:
    friend class SimLoop;

    class VirtualClock : public Clock {
      public:
        Instant now() const override { return now_; }
        Instant boot_now() const override { return now_; }

      private:
        friend class SimWorld;
        Instant now_;
    };

    class FiberExecutor : public Executor {
      public:
        explicit FiberExecutor(SimWorld& world) : world_(world) {}
        void run(const char* name, std::move_only_function<void()> job) override {
            world_.spawn(name, std::move(job));
        }

      private:
        SimWorld& world_;
    };

    struct Fiber {
        std::unique_ptr<SimFiber> fiber;
        uint64_t number = 0;
    };
    using TimelineKey = std::pair<Instant, uint64_t>;

    SimFiber& spawn(const char* name, std::move_only_function<void()> job);
    void loop_ready(SimLoop& loop);
    void loop_not_ready(SimLoop& loop);
    bool running(const SimLoop& loop) const;
    void run_loop(SimLoop& loop);
    void run_fiber(size_t ready_index);
    void run_timeline_front();

    const Options options_;
    Random random_;
    VirtualClock clock_;
    FiberExecutor executor_{*this};
    TraceHash trace_hash_;
    uint64_t steps_ = 0;
    uint64_t last_number_ = 0;
    // What can run. The order within each is that in which they became ready.
    std::vector<SimLoop*> ready_loops_;
    std::vector<SimFiber*> ready_fibers_;
    std::map<TimelineKey, std::move_only_function<void()>> timeline_;
    std::vector<Fiber> fibers_;
    // What runs.
    bool in_step_ = false;
    SimLoop* current_loop_ = nullptr;
    SimFiber* current_job_ = nullptr;
};

}  // namespace timber
