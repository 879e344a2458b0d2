#pragma once
// Runs background jobs, each step as a job of the Executor, and decides between two steps when the
// next one may run: now, when the rate limit allows it, or never, because the store closes.
//
// Thread:     the loop; steps and plain jobs run on the Executor.
// Lifetime:   whoever runs a job keeps it, and what it uses, until `ended` has run. Destroyed once
//             stopped, or when nothing was ever run.
// Invariants: JR1  of each job at most one step runs.
//             JR2  `ended` runs exactly once for each job, on the loop, never within run() or
//                  stop(); no step runs after it.
//             JR3  a job that ends with an error was abandoned before.
// Failure:    a step's error ends its job. stop() ends every job with kClosed, between two steps.
#include <functional>
#include <list>
#include <memory>

#include "memtable/background_job.h"
#include "memtable/pacing.h"
#include "memtable/rate_limiter.h"
#include "src/base/io/event_loop.h"
#include "src/base/io/executor.h"

namespace timber::memtable {

class JobRunner {
  public:
    enum class Kind : uint8_t {
        kFlush,       // charged to the rate limit, and goes before the others
        kCompaction,  // waits for the rate limit
        kUrgent,      // neither: somebody waits for it
    };
    using Ended = std::move_only_function<void(Status)>;

    JobRunner(Executor& executor, EventLoop& loop, uint64_t bytes_per_second, Pacer& pacer);
    ~JobRunner();

    // `name` is a literal.
    void run(const char* name, Kind kind, SteppedJob& job, Ended ended);
    // A job in one piece, which cannot be stopped; `ended` runs on the loop.
    void run_plain(const char* name, std::move_only_function<void()> work,
                   std::move_only_function<void()> ended = nullptr);

    // Runs `task` on the loop, later: it counts as a job until it has run.
    void post(std::move_only_function<void()> task);

    // Ends every job; `stopped` runs whenever none is left from now on. What is run meanwhile is
    // waited for too.
    void stop(std::move_only_function<void()> stopped);
    bool stopping() const { return stopping_; }

    // With steps.
    size_t running() const { return running_.size(); }
    bool idle() const { return running_.empty() && plain_running_ == 0; }

  private:
    struct Running;

    void next_step(Running& running);
    void step_ended(Running& running);
    void abandon(Running& running, Error error);
    void end(Running& running, Status status);
    void check_stopped();

    Executor& executor_;
    EventLoop& loop_;
    RateLimiter limiter_;
    Pacer& pacer_;
    // In the order in which they were started.
    std::list<Running> running_;
    size_t plain_running_ = 0;
    size_t flushes_running_ = 0;
    bool stopping_ = false;
    std::move_only_function<void()> stopped_;
};

}  // namespace timber::memtable
