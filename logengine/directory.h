#pragma once
// What a group held, told by its successor.
//
// Each group begins with the directory of the group before it: where that lay, and for each of its
// records the LSN, type, length and tag. So a damaged group's content is still known by name, and
// can be asked of a peer.
//
// Entries are differences of neighbours in varints: about six bytes for a record whose tag counts
// up (FORMAT.md, "Directory").
#include <vector>

#include "logengine/types.h"
#include "src/base/result.h"

namespace timber::logengine {

struct DirectoryEntry {
    Lsn lsn;
    RecordType type;
    RecordTag tag;
    uint32_t payload_bytes = 0;

    friend bool operator==(const DirectoryEntry&, const DirectoryEntry&) = default;
};

struct Directory {
    SegmentId segment;  // the described group's place
    uint32_t block = 0;
    std::vector<DirectoryEntry> entries;  // in log order

    friend bool operator==(const Directory&, const Directory&) = default;
};

// Collects the directory of one group while the group is put together.
class DirectoryBuilder {
  public:
    // Forgets what was collected and begins the directory of the group at this place.
    void begin(SegmentId segment, uint32_t block, Lsn first_lsn);
    // Batches in their order, after each of them its records in theirs.
    void begin_batch(size_t records);
    void add_record(RecordType type, RecordTag tag, size_t payload_bytes);
    // All of one batch.
    void add_batch(ByteView batch, size_t records);
    // The encoded directory; empty if nothing was added.
    ByteView bytes() const { return batches_ == 0 ? ByteView() : ByteView(bytes_); }

  private:
    std::vector<std::byte> bytes_;
    RecordTag previous_tag_;
    size_t batches_ = 0;
};

// Total; kCorrupted for anything that no builder made.
Result<Directory> decode_directory(ByteView bytes);

}  // namespace timber::logengine
