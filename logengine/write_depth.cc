#include "logengine/write_depth.h"

#include <algorithm>

namespace timber::logengine {

bool WriteDepth::allows(size_t in_flight, size_t bytes) {
    if (in_flight == 0) return true;
    if (in_flight >= max_) return false;
    if (fixed_) return true;
    if (bytes >= kLargeGroupBytes) return in_flight < 2;
    const bool probing = writes_ % kProbePeriod < kProbeWrites;
    return in_flight < limit_ || (probing && in_flight == limit_);
}

void WriteDepth::completed(size_t depth, size_t bytes, Duration latency) {
    TIMBER_ASSERT(depth >= 1);
    TIMBER_ASSERT_OP(depth, <=, max_);
    if (fixed_ || bytes >= kLargeGroupBytes) return;
    ++writes_;
    int64_t& average = latency_ns_[depth];
    const int64_t sample = std::max<int64_t>(latency.count(), 1);
    average = average == 0 ? sample : average + (sample - average) / 8;
    if (writes_ % kProbePeriod == kProbeWrites) decide();
}

void WriteDepth::decide() {
    size_t rewarded = 1;
    for (size_t depth = 2; depth <= max_; ++depth) {
        if (latency_ns_[depth] == 0 || latency_ns_[1] == 0) break;
        if (latency_ns_[depth] > latency_ns_[1] * kRewardPercent / 100) break;
        rewarded = depth;
    }
    limit_ = rewarded;
}

}  // namespace timber::logengine
