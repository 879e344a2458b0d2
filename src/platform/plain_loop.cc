#include "src/platform/plain_loop.h"

namespace timber {

void PlainLoop::wait(std::optional<Duration> timeout) {
    const MutexLock lock(mutex_);
    if (!timeout) {
        while (!awake_) awake_changed_.wait(mutex_);
    } else if (!awake_) {
        awake_changed_.wait_for(mutex_, *timeout);
    }
    awake_ = false;
}

// Notifies under the mutex: once it is released the loop may end and be destroyed.
void PlainLoop::wake() {
    const MutexLock lock(mutex_);
    awake_ = true;
    awake_changed_.notify_one();
}

}  // namespace timber
