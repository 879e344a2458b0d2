#include "benches/frame/subject.h"

namespace timber::bench {

SliceRecorder::SliceRecorder(const Case& wanted, uint32_t lanes, Interval slice, int64_t stall_ns)
    : slice_(slice), rate_per_s_(wanted.rate_per_s), lanes_(lanes) {
    for (Lane& lane : lanes_) {
        lane.value_bytes_ = wanted.value_bytes;
        lane.stall_ns_ = stall_ns;
    }
}

Histogram SliceRecorder::latencies_ns() const {
    Histogram all;
    for (const Lane& lane : lanes_) all.merge(lane.latencies_ns_);
    return all;
}

uint64_t SliceRecorder::bytes() const {
    uint64_t all = 0;
    for (const Lane& lane : lanes_) all += lane.bytes_;
    return all;
}

std::vector<Interval> SliceRecorder::stalls() const {
    std::vector<Interval> all;
    for (const Lane& lane : lanes_) all.insert(all.end(), lane.stalls_.begin(), lane.stalls_.end());
    return all;
}

}  // namespace timber::bench
