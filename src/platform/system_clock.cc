#include "src/platform/system_clock.h"

#include <time.h>

#include "src/base/assert.h"

namespace timber {

static Instant read_clock(clockid_t id) {
    timespec time;
    TIMBER_ASSERT(::clock_gettime(id, &time) == 0);
    return {int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec};
}

Instant SystemClock::now() const { return read_clock(CLOCK_MONOTONIC); }

Instant SystemClock::boot_now() const { return read_clock(CLOCK_BOOTTIME); }

}  // namespace timber
