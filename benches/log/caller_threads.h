#pragma once
// Callers that block: a thread each, made once and used in every slice of a case.
//
// Thread: one uses the object; the calls run on its threads.
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "benches/frame/subject.h"
#include "src/base/mutex.h"

namespace timber::bench {

class CallerThreads {
  public:
    explicit CallerThreads(uint32_t count);
    ~CallerThreads();

    // Runs `work(0)` to `work(count - 1)`, each on its own thread, and returns when all ended:
    // with the first error, if there was one.
    Status run(const std::function<Status(uint32_t caller)>& work) TIMBER_EXCLUDES(mutex_);

    // The load of one slice: each caller makes one `operation` after the other, in an open loop
    // the next one that is due, on time or late, and records it in its lane.
    Status run_slice(const Case& wanted, SliceRecorder& recorder,
                     const std::function<Status(uint32_t caller)>& operation);

  private:
    void live(uint32_t caller) TIMBER_EXCLUDES(mutex_);

    Mutex mutex_;
    ConditionVariable changed_;
    const std::function<Status(uint32_t)>* work_ TIMBER_GUARDED_BY(mutex_) = nullptr;
    uint64_t round_ TIMBER_GUARDED_BY(mutex_) = 0;  // of work; grows when it begins
    size_t busy_ TIMBER_GUARDED_BY(mutex_) = 0;
    bool ending_ TIMBER_GUARDED_BY(mutex_) = false;
    Status result_ TIMBER_GUARDED_BY(mutex_);
    std::vector<std::jthread> threads_;  // last: they use the rest
};

// Sleeps until `due_ns`, as exactly as the kernel allows after sleep_exactly().
void sleep_until_ns(int64_t due_ns);
// Asks that this thread's sleeps end when they should and not up to 50 microseconds later.
void sleep_exactly();

}  // namespace timber::bench
