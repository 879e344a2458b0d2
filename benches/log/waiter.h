#pragma once
// How a thread waits for the completion of its append: one word that it sleeps on.
//
// Thread: prepare() and wait() from one; complete() from any, once for each prepare().
#include <atomic>
#include <cstdint>

#include "src/base/result.h"

namespace timber::bench {

class Waiter {
  public:
    Waiter() = default;
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    void prepare() { state_.store(kWaiting, std::memory_order_relaxed); }
    void complete(bool ok);
    // False if it was completed so.
    bool wait();

  private:
    static constexpr uint32_t kWaiting = 0;
    static constexpr uint32_t kSleeping = 1;
    static constexpr uint32_t kDone = 2;
    static constexpr uint32_t kFailed = 3;

    std::atomic<uint32_t> state_ = kWaiting;
};

}  // namespace timber::bench
