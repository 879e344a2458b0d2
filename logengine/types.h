#pragma once
// The words of the log engine as types. FORMAT.md draws how they lie on the disk.
#include <cstdint>

#include "src/base/bytes.h"
#include "src/base/strong_id.h"

namespace timber::logengine {

// A batch's position in the log's sequence: 1, 2, 3, ... without gaps. 0 means "before the first".
using Lsn = StrongId<struct LsnTag, uint64_t>;
// A segment's identity. Grows with every use of a file as a segment; never used twice.
using SegmentId = StrongId<struct SegmentIdTag, uint64_t>;
// The number of a life of the log: grows with every opening, never used twice.
using Epoch = StrongId<struct EpochTag, uint64_t>;
// The identity of one log, drawn when it is created; every checksum is seeded with it.
using LogId = StrongId<struct LogIdTag, uint64_t>;
// What a record means; the owner's business alone.
using RecordType = StrongId<struct RecordTypeTag, uint8_t>;

// An opaque name for a record, the owner's business alone: for example a region and an index. The
// log keeps it apart from the record too (FORMAT.md, "Directory").
struct RecordTag {
    uint64_t high = 0;
    uint64_t low = 0;

    friend auto operator<=>(const RecordTag&, const RecordTag&) = default;
};

// Where a record is. Valid until its segment is recycled; reading it later gives kNotFound.
struct RecordLocation {
    Lsn lsn;  // of the batch that holds it
    SegmentId segment;
    uint32_t offset = 0;        // bytes from the segment's start to the record's header
    uint32_t record_bytes = 0;  // header and payload
    uint16_t ordinal = 0;       // the record's position in its batch, from 0

    friend bool operator==(const RecordLocation&, const RecordLocation&) = default;
};

}  // namespace timber::logengine
