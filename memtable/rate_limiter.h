#pragma once
// Limits what background jobs read and write: a bucket of bytes that fills at a constant rate.
//
// A step takes what it used only afterwards, so the bucket may go below nothing; the next step
// waits until it is filled again. While a flush is under way, compactions wait until the bucket is
// full: they get what flushes leave over.
//
// Thread:     the loop.
// Invariants: R1  over any stretch of time, steps use at most rate * time, one bucket, and the last
//                 step of each job that runs.
#include <cstdint>

#include "src/base/bytes.h"
#include "src/base/io/clock.h"

namespace timber::memtable {

class RateLimiter {
  public:
    enum class Kind : uint8_t { kFlush, kCompaction };

    // 0: no limit.
    RateLimiter(uint64_t bytes_per_second, Instant now);

    // How long until a step of that kind may run; 0: at once.
    Duration delay(Kind kind, Instant now);
    // A step has read and written so much.
    void charge(uint64_t bytes, Instant now);
    void set_flush_running(bool running) { flush_running_ = running; }

  private:
    void refill(Instant now);

    double bytes_per_nanosecond_;
    double bucket_bytes_;  // what it holds at most
    double bytes_;         // below 0: steps have used more than there was
    Instant refilled_;
    bool flush_running_ = false;
};

}  // namespace timber::memtable
