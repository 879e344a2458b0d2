#include "benches/log/waiter.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace timber::bench {

static_assert(sizeof(std::atomic<uint32_t>) == sizeof(uint32_t));

void Waiter::complete(bool ok) {
    // The waiter may be gone as soon as it sees the answer: only its address is used after that,
    // and a wake-up of an address where nobody sleeps is harmless.
    if (state_.exchange(ok ? kDone : kFailed, std::memory_order_acq_rel) == kSleeping)
        ::syscall(SYS_futex, &state_, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

bool Waiter::wait() {
    uint32_t expected = kWaiting;
    if (state_.compare_exchange_strong(expected, kSleeping, std::memory_order_acq_rel))
        expected = kSleeping;
    while (expected == kSleeping) {
        ::syscall(SYS_futex, &state_, FUTEX_WAIT_PRIVATE, kSleeping, nullptr, nullptr, 0);
        expected = state_.load(std::memory_order_acquire);
    }
    return expected == kDone;
}

}  // namespace timber::bench
