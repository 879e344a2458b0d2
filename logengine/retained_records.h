#pragma once
// The records that the log carries forward: the newest of each type and tag.
//
// Thread:     the owner's loop (during recovery: the opening job).
// Invariants: R1  bytes() is the size of the checkpoint batch that build() would give.
#include <map>
#include <vector>

#include "logengine/batch.h"

namespace timber::logengine {

class RetainedRecords {
  public:
    // Takes in a record of the log, in log order; those without a retention are ignored.
    void apply(const Record& record);

    // The checkpoint: all records, carried forward with the LSN of the batch that first held them.
    Batch build() const;
    size_t bytes() const { return bytes_; }
    size_t size() const { return records_.size(); }

    void check_invariants() const;

  private:
    struct Key {
        RecordType type;
        RecordTag tag;
        friend auto operator<=>(const Key&, const Key&) = default;
    };
    struct Kept {
        Lsn origin_lsn;
        std::vector<std::byte> payload;
    };
    static size_t kept_bytes(size_t payload_bytes) {
        return kRecordHeaderBytes + kOriginBytes + payload_bytes;
    }

    std::map<Key, Kept> records_;
    size_t bytes_ = kBatchHeaderBytes;
};

}  // namespace timber::logengine
