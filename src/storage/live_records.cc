#include "src/storage/live_records.h"

#include <algorithm>

#include "src/base/assert.h"

namespace timber::storage {

void LiveRecords::add(RegionId region, const logengine::RecordLocation& location) {
    // Most go to the newest segment.
    auto place = segments_.empty() || segments_.rbegin()->first != location.segment
                     ? segments_.try_emplace(location.segment).first
                     : std::prev(segments_.end());
    Segment& segment = place->second;
    if (segment.records == 0 || location.lsn < segment.lowest) segment.lowest = location.lsn;
    ++segment.records;
    segment.bytes += location.record_bytes;
    ++segment.regions[region];
    bytes_ += location.record_bytes;
}

void LiveRecords::remove(RegionId region, const logengine::RecordLocation& location) {
    const auto place = segments_.find(location.segment);
    TIMBER_ASSERT(place != segments_.end());
    Segment& segment = place->second;
    const auto count = segment.regions.find(region);
    TIMBER_ASSERT(count != segment.regions.end());
    if (--count->second == 0) segment.regions.erase(count);
    segment.bytes -= location.record_bytes;
    bytes_ -= location.record_bytes;
    if (--segment.records == 0) segments_.erase(place);  // LR1
}

}  // namespace timber::storage
