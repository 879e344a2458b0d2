#pragma once
// The event loop where io_uring is refused: sleeps on a condition variable.
//
// Thread:   as Loop.
// Lifetime: as Loop.
#include "src/base/mutex.h"
#include "src/platform/loop.h"

namespace timber {

class PlainLoop : public Loop {
  public:
    using Loop::Loop;

  protected:
    void poll() override {}
    void wait(std::optional<Duration> timeout) override;
    void wake() override;

  private:
    Mutex mutex_;
    ConditionVariable awake_changed_;
    bool awake_ TIMBER_GUARDED_BY(mutex_) = false;  // a wake-up that no wait() has seen
};

}  // namespace timber
