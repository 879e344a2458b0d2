#pragma once
// The machine's clocks behind the Clock seam: CLOCK_MONOTONIC and CLOCK_BOOTTIME.
//
// Thread: any.
#include "src/base/io/clock.h"

namespace timber {

class SystemClock : public Clock {
  public:
    Instant now() const override;
    Instant boot_now() const override;
};

}  // namespace timber
