#pragma once
// The Clock seam: what time it is. Ticks and deadlines are timers of the event loop
// (event_loop.h), which reads the same clock.
//
// Thread: any thread may ask. Simulation answers with virtual time.
#include <chrono>
#include <compare>
#include <cstdint>

namespace timber {

using Duration = std::chrono::nanoseconds;

// A point on a clock that never goes back. Only differences mean anything, and only within one
// process's life.
struct Instant {
    int64_t nanoseconds = 0;

    friend constexpr auto operator<=>(Instant, Instant) = default;
    friend constexpr Duration operator-(Instant left, Instant right) {
        return Duration(left.nanoseconds - right.nanoseconds);
    }
    friend constexpr Instant operator+(Instant instant, Duration duration) {
        return {instant.nanoseconds + duration.count()};
    }
};

class Clock {
  public:
    virtual ~Clock() = default;

    // Stands still while the machine sleeps (CLOCK_MONOTONIC).
    virtual Instant now() const = 0;
    // Goes on while the machine sleeps (CLOCK_BOOTTIME): for leases.
    virtual Instant boot_now() const = 0;
};

}  // namespace timber
