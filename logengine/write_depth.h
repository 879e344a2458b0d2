#pragma once
// How many writes to keep in flight: as many as the device rewards.
//
// A second write beside the first pays if it comes back sooner than it would have by waiting for
// the first to finish: a batch that arrives in the middle of a write of length L is durable after
// L/2 + L if it waits, and after L' (the latency of two at once) if it does not. So one more write
// is allowed while L' stays below kRewardPercent of L. Both are moving averages over writes of
// small groups; now and then the next depth is tried, so that a change of the device is noticed.
// Groups of kLargeGroupBytes and more are bound by the device's throughput and always use two.
//
// Thread:     the owner's loop.
// Invariants: D1  1 <= limit() <= max.
#include <array>
#include <cstddef>
#include <cstdint>

#include "src/base/assert.h"
#include "src/base/io/clock.h"

namespace timber::logengine {

class WriteDepth {
  public:
    static constexpr size_t kDepthMax = 8;
    static constexpr size_t kLargeGroupBytes = 256 * 1024;

    WriteDepth(size_t max, bool fixed) : max_(max), limit_(fixed ? max : 1), fixed_(fixed) {
        TIMBER_ASSERT(max >= 1);
        TIMBER_ASSERT_OP(max, <=, kDepthMax);
    }

    // Whether one more write of `bytes` may start beside `in_flight` others.
    bool allows(size_t in_flight, size_t bytes);

    // A write of `bytes` that started as the `depth`-th in flight took `latency`.
    void completed(size_t depth, size_t bytes, Duration latency);

    size_t limit() const { return limit_; }

  private:
    // Percent of a lone write's latency up to which one more write in flight pays.
    static constexpr int64_t kRewardPercent = 130;
    // Every so many writes the next depth is tried for a few.
    static constexpr uint64_t kProbePeriod = 1024;
    static constexpr uint64_t kProbeWrites = 16;

    void decide();

    size_t max_;
    size_t limit_;
    bool fixed_;
    uint64_t writes_ = 0;
    // Moving average of the latency of writes that started as the n-th in flight; 0: not known.
    std::array<int64_t, kDepthMax + 1> latency_ns_{};
};

}  // namespace timber::logengine
