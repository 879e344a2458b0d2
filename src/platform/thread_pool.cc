#include "src/platform/thread_pool.h"

#include <utility>

#include "src/base/assert.h"
#include "src/platform/thread_name.h"

namespace timber {

namespace {

thread_local const ThreadPoolExecutor* current_pool = nullptr;

}  // namespace

ThreadPoolExecutor::ThreadPoolExecutor(size_t thread_count) {
    TIMBER_ASSERT_OP(thread_count, >=, size_t{1});
    for (size_t i = 0; i < thread_count; ++i) threads_.emplace_back([this] { work(); });
}

ThreadPoolExecutor::~ThreadPoolExecutor() { stop(); }

void ThreadPoolExecutor::run(const char* name, std::move_only_function<void()> job) {
    const MutexLock lock(mutex_);
    // A job that runs while the pool stops may still hand on its work: its own thread is there to
    // take it.
    TIMBER_ASSERT(!stopping_ || current_pool == this);
    TIMBER_ASSERT_OP(queue_.size(), <, kJobsQueuedMax);
    queue_.push_back({name, std::move(job)});
    changed_.notify_one();
}

void ThreadPoolExecutor::stop() {
    TIMBER_ASSERT(current_pool != this);
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
}

void ThreadPoolExecutor::work() {
    current_pool = this;
    while (true) {
        Job job;
        {
            const MutexLock lock(mutex_);
            while (queue_.empty() && !stopping_) changed_.wait(mutex_);
            if (queue_.empty()) return;
            job = std::move(queue_.front());
            queue_.pop_front();
        }
        set_thread_name(job.name);
        job.function();
    }
}

}  // namespace timber
