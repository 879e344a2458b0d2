#pragma once
// Background jobs on a fixed number of threads.
//
// Thread:     run() from any thread, stop() from the owner's.
// Lifetime:   whoever runs jobs is gone or quiet before stop(); the destructor stops.
// Invariants: P1  jobs start in the order of run().
//             P2  every job that was accepted runs to its end before stop() returns.
// Failure:    more than kJobsQueuedMax jobs in the queue is a bug of ours: components run a bounded
//             number each. So is run() after stop(), except from a job of the pool itself.
#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "src/base/io/executor.h"
#include "src/base/mutex.h"

namespace timber {

inline constexpr size_t kJobsQueuedMax = 4096;

class ThreadPoolExecutor : public Executor {
  public:
    explicit ThreadPoolExecutor(size_t thread_count);
    ~ThreadPoolExecutor() override;

    void run(const char* name, std::move_only_function<void()> job) override;
    // Accepts no more, finishes what is queued, and joins. May be called again.
    void stop();

  private:
    struct Job {
        const char* name;
        std::move_only_function<void()> function;
    };

    void work();

    Mutex mutex_;
    ConditionVariable changed_;
    std::deque<Job> queue_ TIMBER_GUARDED_BY(mutex_);
    bool stopping_ TIMBER_GUARDED_BY(mutex_) = false;
    std::vector<std::thread> threads_;
};

}  // namespace timber
