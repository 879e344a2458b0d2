#include "memtable/rate_limiter.h"

#include <algorithm>

#include "src/base/assert.h"

namespace timber::memtable {

namespace {

// The bucket holds what flows in during this time.
constexpr Duration kBucketTime = std::chrono::milliseconds(100);
constexpr double kNanosecondsPerSecond = 1e9;

}  // namespace

RateLimiter::RateLimiter(uint64_t bytes_per_second, Instant now)
    : bytes_per_nanosecond_(static_cast<double>(bytes_per_second) / kNanosecondsPerSecond),
      bucket_bytes_(bytes_per_nanosecond_ * static_cast<double>(kBucketTime.count())),
      bytes_(bucket_bytes_),
      refilled_(now) {}

void RateLimiter::refill(Instant now) {
    TIMBER_ASSERT(now >= refilled_);
    const auto elapsed = static_cast<double>((now - refilled_).count());
    bytes_ = std::min(bytes_ + elapsed * bytes_per_nanosecond_, bucket_bytes_);
    refilled_ = now;
}

Duration RateLimiter::delay(Kind kind, Instant now) {
    if (bytes_per_nanosecond_ == 0) return Duration(0);
    refill(now);
    const bool yields = kind == Kind::kCompaction && flush_running_;
    const double needed = yields ? bucket_bytes_ : 0;
    if (bytes_ >= needed) return Duration(0);
    // Rounded up, so that whoever comes back then does not come too early.
    return Duration(static_cast<int64_t>((needed - bytes_) / bytes_per_nanosecond_) + 1);
}

void RateLimiter::charge(uint64_t bytes, Instant now) {
    if (bytes_per_nanosecond_ == 0) return;
    refill(now);
    bytes_ -= static_cast<double>(bytes);
}

}  // namespace timber::memtable
