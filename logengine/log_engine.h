#pragma once
// A durable, ordered log of atomic, checksummed batches of typed records.
//
// The owner appends batches from any thread and learns, in the log's order, when each is durable.
// Batches that queue while earlier writes are in flight share the next write. Space is given back
// by releasing everything below an LSN; small live records are carried forward by the log itself.
// After a crash, open() streams every batch that the log holds to a visitor, in order.
//
// Thread:     append() and read() as they say; everything else on the owner's event loop, where
//             all completions run too. open() and read() wait for I/O: from jobs only.
// Lifetime:   disk, executor and loop outlive the engine. The engine is destroyed on the loop,
//             after close() has completed.
// Invariants: L1  LSNs are 1, 2, 3, ... without gaps; completions run in their order.
//             L2  durable_lsn() < next_lsn(), and both only grow.
//             L3  released_lsn() <= durable_lsn().
//             L4  a block that holds acknowledged bytes is never written again in its segment's
//                 life.
//             L5  every segment begins with a checkpoint batch: the carried-forward records as of
//                 that point of the log.
//             L6  a segment is reused only when a durable group says that it is not needed, and a
//                 later segment's checkpoint is durable, and no reader holds it.
//             L7  once poisoned, nothing is acknowledged any more.
// Failure:    a failed write or sync of the log poisons the engine: everything pending and
//             everything after it gets kPoisoned. No space refuses new batches with kNoSpace and
//             ends by itself. A bounded queue that is full gives kBusy.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "logengine/batch.h"
#include "logengine/directory.h"
#include "logengine/types.h"
#include "src/base/aligned_buffer.h"
#include "src/base/histogram.h"
#include "src/base/io/disk.h"
#include "src/base/io/event_loop.h"
#include "src/base/io/executor.h"
#include "src/base/result.h"

namespace timber::logengine {

struct Options {
    // The log's directory. Its parent must exist.
    std::string directory;
    // Make a new log where there is none; otherwise a missing log is kMissing.
    bool create = true;
    // A new log's identity and geometry; an existing log keeps its own. The identity should be
    // drawn at random; segment_bytes is a multiple of 4096, at least 64 KiB and at most 1 GiB.
    LogId log_id{1};
    uint64_t segment_bytes = 128_MiB;
    // Bytes of batches accepted and not yet durable; append() gives kBusy above it.
    size_t pending_bytes_max = 256_MiB;
    // A group takes batches up to this size; a larger batch is a group of its own.
    size_t group_bytes_target = 1_MiB;
    // The most writes in flight at once, 1 to 8; how many of them are used adapts to the device.
    size_t writes_in_flight_max = 4;
    // Always that many writes, where a test wants no adaptation.
    bool writes_in_flight_fixed = false;
    // Segments kept for reuse beyond the one that is always held in reserve.
    size_t free_segments_max = 1;
    // The witness is written at most twice this long after the log fell idle.
    Duration witness_delay = std::chrono::milliseconds(5);
    // How often a failed preparation of a segment is tried again.
    Duration space_retry_delay = std::chrono::milliseconds(500);
    // The size of one read during recovery, a multiple of 4096; four are in flight.
    size_t recovery_read_bytes = 1_MiB;
};

// What to do with a batch while there is no space for a new segment.
enum class Urgency : uint8_t {
    kNormal,  // refused with kNoSpace, so that the reserve stays
    kUrgent,  // takes from the reserve: for small records without which the owner cannot go on
};

// What a completed append tells. Valid during the completion only.
class Appended {
  public:
    Appended(Lsn lsn, SegmentId segment, uint32_t offset, ByteView batch, size_t records)
        : lsn_(lsn), segment_(segment), offset_(offset), batch_(batch), records_(records) {}

    Lsn lsn() const { return lsn_; }
    // Grows when the log goes on in the next segment: what lies in older ones can be released.
    SegmentId segment() const { return segment_; }
    // Where the batch's records are, in order.
    std::vector<RecordLocation> locations() const;

  private:
    Lsn lsn_;
    SegmentId segment_;
    uint32_t offset_;
    ByteView batch_;
    size_t records_;
};

using AppendDone = std::move_only_function<void(const Result<Appended>&)>;

// How a recovery found the end of the log.
struct TailReport {
    char decision = '-';            // the row of the decision table in FORMAT.md
    bool cut = false;               // something written but never acknowledged was discarded
    std::string file;               // where the log ends
    uint64_t offset = 0;            // bytes
    uint64_t groups_discarded = 0;  // whole or torn ones that were found behind the end
};

struct OpenReport {
    bool created = false;
    Epoch epoch;
    Lsn first_lsn;    // of the oldest batch that was visited; next_lsn if none was
    Lsn durable_lsn;  // of the newest
    uint64_t batches = 0;
    uint64_t bytes = 0;  // of groups, without padding
    size_t segments = 0;
    TailReport tail;
};

struct Stats {
    uint64_t batches = 0;       // durable since open
    uint64_t batch_bytes = 0;   // of these, as Batch::bytes()
    uint64_t groups = 0;        // durable since open
    uint64_t device_bytes = 0;  // written to the disk, everything included
    uint64_t device_writes = 0;
    uint64_t refused_busy = 0;
    uint64_t refused_no_space = 0;
    uint64_t segments_created = 0;
    uint64_t segments_recycled = 0;
    uint64_t segments_removed = 0;
    uint64_t witnesses = 0;
    uint64_t checkpoints = 0;
    uint64_t tail_cuts = 0;  // by this opening: 0 or 1
    size_t pending_bytes = 0;
    size_t pending_batches = 0;
    size_t writes_in_flight = 0;
    size_t writes_in_flight_limit = 0;
    size_t segments_live = 0;
    size_t segments_spare = 0;
    size_t carried_records = 0;
    bool no_space = false;
    Histogram commit_latency_us;  // from append() to just before the completion runs
    Histogram write_latency_us;   // of one group's write
    Histogram group_batches;      // batches in a group
};

// Sees every batch that the log holds, oldest first; an error ends open() with that error.
// Batches below the LSN that was released last may be among them: those of the oldest segment.
using BatchVisitor = std::move_only_function<Status(const BatchCursor& batch)>;

class LogEngine {
  public:
    struct Environment {
        Disk& disk;
        Executor& executor;
        EventLoop& loop;
    };

    // Opens the log, or creates it. From a job. The engine then belongs to the loop.
    // Errors: kMissing (no log, and not to be created; a part of it is gone), kLocked, kWrongFormat
    // (the directory holds something else), kNewerFormat, kForeign, kCorrupted (acknowledged data
    // is damaged), kPermissionDenied, kNoSpace (creation only), kIoError, kInvalidArgument
    // (options).
    static Result<std::unique_ptr<LogEngine>> open(Environment environment, const Options& options,
                                                   BatchVisitor visitor);
    ~LogEngine();

    // Takes over a batch of at least one record. Any thread; returns at once. If it gives an error
    // the batch was not accepted and `done` is never called: kBusy, kNoSpace, kTooLarge,
    // kInvalidArgument (empty), kClosed, kPoisoned. Otherwise `done` runs exactly once, on the
    // loop, never within this call: in LSN order when the batch and all before it are durable, or
    // with an error: kNoSpace and kTooLarge (surely not written) or kPoisoned (unknown).
    Status append(Batch batch, AppendDone done, Urgency urgency = Urgency::kNormal);

    // One record, read back and verified. From jobs of any thread. kNotFound if its segment is
    // gone, kCorrupted if it is damaged.
    struct StoredRecord {
        AlignedBuffer memory;
        Record record;  // points into `memory`
    };
    Result<StoredRecord> read(const RecordLocation& location);

    // The directories that groups of a live segment carry of their predecessors, for repair: what
    // they name was once in the log. From jobs of any thread.
    Result<std::vector<Directory>> read_directories(SegmentId segment);

    // The owner no longer needs batches up to `lsn`, which are durable. Takes effect in the
    // background; smaller than an earlier one means nothing.
    void release(Lsn lsn);

    // Ends the log's life: no more appends are accepted, what was accepted is finished, a last
    // witness is written; then `done` runs. Once.
    void close(std::move_only_function<void()> done);

    Lsn durable_lsn() const;
    Lsn next_lsn() const;
    Lsn released_lsn() const;
    // The largest batch that this log's segments can hold, Batch::bytes(). Any thread.
    size_t batch_bytes_max() const;
    // Set once a write or sync failed: the reason. Then the owner stops.
    const std::optional<Error>& poisoned() const;
    const OpenReport& open_report() const;
    Stats stats() const;
    // Asserts L1 to L6 as far as memory shows them, naming the one that is broken.
    void check_invariants() const;

  private:
    class Core;
    explicit LogEngine(std::unique_ptr<Core> core);

    std::unique_ptr<Core> core_;
};

}  // namespace timber::logengine
