#pragma once
// Waits on one thread for a value that another gives.
//
// Thread: give() once, on any thread; take() once, on a thread that may wait, which the giver is
// not.
#include <optional>
#include <utility>

#include "src/base/mutex.h"

namespace timber::server {

template <typename T>
class OutcomeWait {
  public:
    void give(T value) TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        value_ = std::move(value);
        given_.notify_all();
    }
    T take() TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        while (!value_) given_.wait(mutex_);
        return std::move(*value_);
    }

  private:
    Mutex mutex_;
    ConditionVariable given_;
    std::optional<T> value_ TIMBER_GUARDED_BY(mutex_);
};

}  // namespace timber::server
