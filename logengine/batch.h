#pragma once
// The unit of atomicity: a batch of typed records, built by the owner in the form in which it goes
// to the disk, and the cursor that reads it back.
//
// Thread:   a Batch belongs to one thread at a time; LogEngine::append takes it over.
// Limits:   kRecordPayloadBytesMax, kBatchBytesMax and kBatchRecordsMax (format.h). add() refuses
//           what is over a limit with kTooLarge and leaves the batch as it was.
#include <optional>
#include <vector>

#include "logengine/directory.h"
#include "logengine/format.h"
#include "logengine/types.h"
#include "src/base/result.h"

namespace timber::logengine {

// How a record wants to be treated.
enum class Retention : uint8_t {
    // Kept until the owner releases the log past its batch.
    kUntilReleased,
    // Small and live: the log carries the newest record of this type and tag forward into every
    // new segment (checkpoint batches), until a newer one or a kForget replaces it.
    kCarriedForward,
    // Ends the carrying forward of this type and tag. Its payload is the owner's.
    kForget,
};

// One record as it is read back. The payload is a view into the reader's memory.
struct Record {
    RecordType type;
    RecordTag tag;
    Retention retention = Retention::kUntilReleased;
    std::optional<Lsn> origin_lsn;  // the batch it was first written in, if it was rewritten
    ByteView payload;
    RecordLocation location;
};

class Batch {
  public:
    Batch() = default;
    Batch(Batch&&) = default;
    Batch& operator=(Batch&&) = default;

    // Makes room for `bytes`, as bytes() counts: what follows is not moved while the batch grows.
    void reserve(size_t bytes) { bytes_.reserve(bytes); }
    // Copies `payload` into the batch.
    Status add(RecordType type, RecordTag tag, ByteView payload,
               Retention retention = Retention::kUntilReleased);
    // The same for a payload that lies in pieces.
    Status add_pieces(RecordType type, RecordTag tag, std::span<const ByteView> pieces,
                      Retention retention = Retention::kUntilReleased);
    // A record written anew at the log's tail under its original identity: `origin_lsn` says which
    // batch first held it, and the reader learns of it.
    Status add_rewritten(RecordType type, RecordTag tag, ByteView payload, Lsn origin_lsn);

    bool empty() const { return records_ == 0; }
    size_t records() const { return records_; }
    // What the batch takes in the log, without its share of group header and padding.
    size_t bytes() const { return bytes_.empty() ? kBatchHeaderBytes : bytes_.size(); }

  private:
    friend class BatchAccess;

    Status add_record(RecordType type, RecordTag tag, std::span<const ByteView> pieces,
                      Retention retention, std::optional<Lsn> origin_lsn);

    // Batch header and records, empty without any; the header is set when it is used.
    std::vector<std::byte> bytes_;
    size_t records_ = 0;
    size_t carried_bytes_ = 0;    // of records to be carried forward
    bool has_retention_ = false;  // some record is carried forward, or ends that
};

// What the engine itself needs of a batch, apart from the owner's view of it.
class BatchAccess {
  public:
    // The batch's bytes with a complete header.
    static ByteView seal(Batch& batch, bool checkpoint);
    // Adds a record that was carried forward, keeping its origin.
    static Status add_carried(Batch& batch, const Record& record);
    // At most what the checkpoint grows by through this batch.
    static size_t carried_bytes(const Batch& batch) { return batch.carried_bytes_; }
    static bool has_retention(const Batch& batch) { return batch.has_retention_; }
};

// Turns the record checksums of a batch in its final place into those of `lsn`, and adds the batch
// to `directory` on the same walk.
void stamp_records(MutableBytes batch, LogId log_id, Lsn lsn, DirectoryBuilder& directory);

// Walks the batches of a group's payload, and the records of a batch. Total: malformed bytes end
// the walk with malformed() set.
class BatchCursor {
  public:
    // `bytes` begins with a batch's header; `offset` is its place in the segment.
    BatchCursor(ByteView bytes, Lsn first_lsn, SegmentId segment, uint32_t offset)
        : rest_(bytes), next_lsn_(first_lsn), segment_(segment), offset_(offset) {}

    // Moves to the next batch; false at the end or when malformed.
    bool next();
    Lsn lsn() const { return lsn_; }
    bool checkpoint() const { return checkpoint_; }
    size_t records() const { return records_; }
    // The batch with its header, and where it begins in the segment.
    ByteView bytes() const { return batch_; }
    uint32_t offset() const { return batch_offset_; }
    SegmentId segment() const { return segment_; }
    bool malformed() const { return malformed_; }

  private:
    ByteView rest_;
    Lsn next_lsn_;
    SegmentId segment_;
    uint32_t offset_;

    Lsn lsn_;
    ByteView batch_;
    uint32_t batch_offset_ = 0;
    size_t records_ = 0;
    bool checkpoint_ = false;
    bool malformed_ = false;
};

class RecordCursor {
  public:
    explicit RecordCursor(const BatchCursor& batch)
        : RecordCursor(batch.bytes(), batch.records(), batch.lsn(), batch.segment(),
                       batch.offset()) {}
    RecordCursor(ByteView batch, size_t records, Lsn lsn, SegmentId segment, uint32_t offset);

    bool next();
    const Record& record() const { return record_; }
    bool malformed() const { return malformed_; }

  private:
    ByteView rest_;
    size_t records_left_;
    uint32_t offset_;
    Record record_;
    bool malformed_ = false;
};

// Reads one record, `bytes` long as its location says, and checks it against that location.
// kCorrupted if it is not the record the location speaks of.
Result<Record> decode_record(ByteView bytes, const RecordLocation& location, LogId log_id,
                             std::string_view file);

}  // namespace timber::logengine
