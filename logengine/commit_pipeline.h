#pragma once
// From queued batches to durable ones: forms groups, writes them, completes them in order.
//
// Whatever queued while earlier writes were in flight goes into the next group together; there is
// no delay to wait for more. A group lies in one segment, begins at a block, and ends with padding,
// so that no block is shared between groups. Each group names its predecessor's checksum.
//
// Thread:     the owner's loop.
// Lifetime:   destroyed only while idle(). Segments in use stay in the table until release.
// Invariants: P1  groups are submitted in the order of their LSNs and offsets.
//             P2  batches are completed in LSN order, each when its group and all before are done.
//             P3  durable_lsn < next_lsn; released <= durable; stated release <= release.
// Failure:    a failed write poisons: see LogEngine.
#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "logengine/log_engine.h"
#include "logengine/retained_records.h"
#include "logengine/segment_supply.h"
#include "logengine/segment_table.h"
#include "logengine/write_depth.h"
#include "src/base/aligned_buffer.h"

namespace timber::logengine {

// A batch between append and completion. Travels through the loop's incoming queue as a task that
// never runs.
struct PendingBatch : Task {
    PendingBatch(Batch taken, AppendDone callback, Urgency wanted, Instant now)
        : Task(nullptr),
          batch(std::move(taken)),
          done(std::move(callback)),
          urgency(wanted),
          queued_at(now) {}

    Batch batch;
    AppendDone done;
    Urgency urgency;
    Instant queued_at;
    uint32_t offset = 0;  // in the segment, once it is part of a group
};

class CommitPipeline {
  public:
    struct Start {
        Lsn next_lsn;
        Lsn released_lsn;
        uint64_t chain_checksum = 0;
        DirectoryBuilder last_directory;
        RetainedRecords retained;
        Epoch epoch;
    };
    // What the pipeline tells its engine.
    class Listener {
      public:
        virtual ~Listener() = default;
        // Batches up to `lsn` are durable now; their completions run next.
        virtual void on_durable(Lsn lsn, Instant now) = 0;
        // So many are answered next; they no longer count as pending.
        virtual void on_answered(size_t batches, size_t bytes) = 0;
        // Something ended: a write, or all of them because of the poison.
        virtual void on_progress() = 0;
        // Hands over, by enqueue(), what was appended since the last time.
        virtual void collect() = 0;
    };

    CommitPipeline(Disk& disk, EventLoop& loop, const Geometry& geometry, const Options& options,
                   SegmentTable& table, SegmentSupply& supply, Start start, Listener& listener);
    ~CommitPipeline() { TIMBER_ASSERT(idle()); }

    void enqueue(std::unique_ptr<PendingBatch> batch);
    // Submits what can be submitted.
    void pump();
    void release(Lsn lsn);
    // There is a segment in reserve again, or there is none to be had.
    void supply_changed();
    // Gives back segments that are no longer needed.
    void recycle();

    Lsn durable_lsn() const { return durable_lsn_; }
    Lsn next_lsn() const { return next_lsn_; }
    Lsn released_lsn() const { return released_lsn_; }
    const std::optional<Error>& poisoned() const { return poisoned_; }
    // Nothing waits and nothing is in flight.
    bool idle() const { return waiting_.empty() && in_flight_ == 0; }
    size_t waiting() const { return waiting_.size(); }
    void add_to(Stats& stats) const;
    void check_invariants() const;

  private:
    static constexpr size_t kSlots = WriteDepth::kDepthMax;
    // A buffer that grew beyond this for one large batch is given back after it.
    static constexpr size_t kBufferKeptBytes = 4_MiB;
    // Groups up to this size lie in one huge page, each slot's in its part; in a log of small
    // segments the parts are smaller.
    static constexpr size_t kPartBytesMax = AlignedBuffer::kHugePageBytes / kSlots;
    static constexpr size_t kPartsInSegment = 16;
    // The next segment is prepared when less than this share of the active one is left: until then
    // a crash leaves its file to be skipped, and not read, by recovery.
    static constexpr size_t kLastShareOfSegment = 8;
    static_assert(kPartBytesMax % kBlockBytes == 0);

    // One group's write.
    struct GroupWrite {
        explicit GroupWrite(EventLoop& loop, CommitPipeline& pipeline);
        // Makes `data` so long.
        void reserve(size_t bytes);

        IoOp op;
        CommitPipeline& pipeline;
        MutableBytes data;  // the group with its padding: in `part`, or `own` if it is larger
        MutableBytes part;
        AlignedBuffer own;
        std::vector<std::unique_ptr<PendingBatch>> batches;
        Segment* segment = nullptr;
        Lsn first_batch_lsn;  // of batches.front()
        Lsn next_lsn;         // behind the group
        Lsn released_lsn;     // stated in it
        Instant submitted_at;
        size_t depth = 0;  // the how-manieth in flight it started as
        bool completed = false;
    };
    // What goes into a group, before it is put together.
    struct Plan {
        size_t batches = 0;
        std::optional<Batch> checkpoint;
        size_t total_bytes = 0;
    };

    bool release_needs_saying() const;
    bool submit_group();
    bool find_room();
    bool open_next_segment();
    void refuse_oversized();
    Plan plan_group();
    void put_together(GroupWrite& group, Plan& plan);
    uint32_t put_batch(GroupWrite& group, Batch& batch, bool checkpoint, size_t at, Lsn lsn);
    void submit(GroupWrite& group);
    void completed(GroupWrite& group);
    void finish(GroupWrite& group, Instant now);
    void poison(Error error);
    void refuse(std::unique_ptr<PendingBatch> batch, const Error& error);
    void refuse_waiting(const Error& error, bool urgent_too);

    Disk& disk_;
    EventLoop& loop_;
    const Geometry& geometry_;
    const Options& options_;
    SegmentTable& table_;
    SegmentSupply& supply_;
    Listener& listener_;
    const Epoch epoch_;

    std::deque<std::unique_ptr<PendingBatch>> waiting_;
    size_t waiting_bytes_ = 0;
    std::array<std::unique_ptr<GroupWrite>, kSlots> slots_;
    size_t oldest_ = 0;  // slot of the oldest write in flight
    size_t in_flight_ = 0;
    WriteDepth depth_;
    AlignedBuffer parts_;  // of the slots
    // Answered, and freed once the next group is on its way.
    std::vector<std::unique_ptr<PendingBatch>> answered_;

    Segment* active_ = nullptr;
    Lsn next_lsn_;
    Lsn durable_lsn_;
    Lsn released_lsn_;          // by the owner
    Lsn released_stated_lsn_;   // in a submitted group
    Lsn released_durable_lsn_;  // in a durable group
    uint64_t chain_checksum_;
    DirectoryBuilder directory_;
    RetainedRecords retained_;
    std::optional<Error> poisoned_;

    uint64_t batches_ = 0;
    uint64_t batch_bytes_ = 0;
    uint64_t groups_ = 0;
    uint64_t device_bytes_ = 0;
    uint64_t checkpoints_ = 0;
    uint64_t refused_no_space_ = 0;
    Histogram commit_latency_us_;
    Histogram write_latency_us_;
    Histogram group_batches_;
};

}  // namespace timber::logengine
