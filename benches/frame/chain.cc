#include "benches/frame/chain.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace timber::bench {

Chain::Chain(std::vector<Interval> waits) : waits_(std::move(waits)) {
    std::ranges::sort(waits_, {}, &Interval::start_ns);
    earliest_end_ns_.resize(waits_.size());
    int64_t earliest = std::numeric_limits<int64_t>::max();
    for (size_t i = waits_.size(); i-- > 0;)
        earliest_end_ns_[i] = earliest = std::min(earliest, waits_[i].end_ns);
}

uint32_t Chain::length_within(const Interval& life) const {
    uint32_t length = 0;
    int64_t from = life.start_ns;
    while (true) {
        const auto first = std::ranges::lower_bound(waits_, from, {}, &Interval::start_ns);
        if (first == waits_.end()) return length;
        const int64_t end = earliest_end_ns_[static_cast<size_t>(first - waits_.begin())];
        if (end > life.end_ns) return length;
        ++length;
        from = end + 1;
    }
}

}  // namespace timber::bench
