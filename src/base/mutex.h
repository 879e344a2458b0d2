#pragma once
// A mutex whose use the compiler checks: clang's thread-safety analysis reads these marks and
// treats a breach as an error; other compilers see a plain std::mutex.
//
//   Mutex mutex_;
//   std::deque<Job> queue_ TIMBER_GUARDED_BY(mutex_);
//   void take_locked() TIMBER_REQUIRES(mutex_);
#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define TIMBER_THREAD_MARK(mark) __attribute__((mark))
#else
#define TIMBER_THREAD_MARK(mark)
#endif

#define TIMBER_GUARDED_BY(mutex) TIMBER_THREAD_MARK(guarded_by(mutex))
#define TIMBER_REQUIRES(mutex) TIMBER_THREAD_MARK(requires_capability(mutex))
#define TIMBER_EXCLUDES(mutex) TIMBER_THREAD_MARK(locks_excluded(mutex))

namespace timber {

class TIMBER_THREAD_MARK(capability("mutex")) Mutex {
  public:
    void lock() TIMBER_THREAD_MARK(acquire_capability()) { mutex_.lock(); }
    void unlock() TIMBER_THREAD_MARK(release_capability()) { mutex_.unlock(); }

  private:
    friend class ConditionVariable;
    std::mutex mutex_;
};

// Holds a Mutex from construction to destruction.
class TIMBER_THREAD_MARK(scoped_lockable) MutexLock {
  public:
    explicit MutexLock(Mutex& mutex) TIMBER_THREAD_MARK(acquire_capability(mutex)) : mutex_(mutex) {
        mutex_.lock();
    }
    ~MutexLock() TIMBER_THREAD_MARK(release_capability()) { mutex_.unlock(); }
    MutexLock(const MutexLock&) = delete;
    MutexLock& operator=(const MutexLock&) = delete;

  private:
    Mutex& mutex_;
};

// Waits return for no reason at times: wait in a loop over the condition.
class ConditionVariable {
  public:
    void wait(Mutex& mutex) TIMBER_REQUIRES(mutex) {
        std::unique_lock lock(mutex.mutex_, std::adopt_lock);
        condition_.wait(lock);
        lock.release();
    }
    void wait_for(Mutex& mutex, std::chrono::nanoseconds duration) TIMBER_REQUIRES(mutex) {
        std::unique_lock lock(mutex.mutex_, std::adopt_lock);
        condition_.wait_for(lock, duration);
        lock.release();
    }
    void notify_one() { condition_.notify_one(); }
    void notify_all() { condition_.notify_all(); }

  private:
    std::condition_variable condition_;
};

}  // namespace timber
