#pragma once
// Counts, segment by segment, the records of the log that are still needed. The log gives back
// whole segments from the oldest on, so this is all that is to be known for a release.
//
// Thread:     the loop.
// Invariants: LR1  a segment is listed while it has live records, and no longer.
#include <cstdint>
#include <map>
#include <optional>

#include "logengine/log_engine.h"
#include "src/storage/types.h"

namespace timber::storage {

class LiveRecords {
  public:
    struct Segment {
        logengine::Lsn lowest;  // of the batches that hold live records, or held them
        uint64_t records = 0;
        uint64_t bytes = 0;
        std::map<RegionId, uint64_t> regions;  // records by Region
    };

    void add(RegionId region, const logengine::RecordLocation& location);
    void remove(RegionId region, const logengine::RecordLocation& location);

    bool empty() const { return segments_.empty(); }
    // The log is needed from here on; nothing if no record is live.
    std::optional<logengine::Lsn> lowest() const {
        if (segments_.empty()) return std::nullopt;
        return segments_.begin()->second.lowest;
    }
    // In the order of the log.
    const std::map<logengine::SegmentId, Segment>& segments() const { return segments_; }
    uint64_t bytes() const { return bytes_; }

  private:
    std::map<logengine::SegmentId, Segment> segments_;
    uint64_t bytes_ = 0;
};

}  // namespace timber::storage
