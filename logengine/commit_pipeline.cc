#include "logengine/commit_pipeline.h"

#include <algorithm>
#include <cstring>

#include "src/base/io/log.h"
#include "src/base/mistake.h"

namespace timber::logengine {

static uint64_t microseconds(Duration duration) {
    return static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0)) / 1000;
}

CommitPipeline::GroupWrite::GroupWrite(EventLoop& loop, CommitPipeline& owner)
    : op(
          loop,
          [](void* self, IoOp&) {
              auto* group = static_cast<GroupWrite*>(self);
              group->pipeline.completed(*group);
          },
          this),
      pipeline(owner) {}

void CommitPipeline::GroupWrite::reserve(size_t bytes) {
    if (bytes <= part.size()) {
        data = part.first(bytes);
    } else {
        own.reserve(bytes);
        data = own.first(bytes);
    }
}

CommitPipeline::CommitPipeline(Disk& disk, EventLoop& loop, const Geometry& geometry,
                               const Options& options, SegmentTable& table, SegmentSupply& supply,
                               Start start, Listener& listener)
    : disk_(disk),
      loop_(loop),
      geometry_(geometry),
      options_(options),
      table_(table),
      supply_(supply),
      listener_(listener),
      epoch_(start.epoch),
      depth_(options.writes_in_flight_max, options.writes_in_flight_fixed),
      active_(&table.newest()),
      next_lsn_(start.next_lsn),
      durable_lsn_(start.next_lsn - 1),
      released_lsn_(start.released_lsn),
      released_stated_lsn_(start.released_lsn),
      released_durable_lsn_(start.released_lsn),
      chain_checksum_(start.chain_checksum),
      directory_(std::move(start.last_directory)),
      retained_(std::move(start.retained)) {
    for (auto& slot : slots_) slot = std::make_unique<GroupWrite>(loop, *this);
    const size_t part_bytes = round_down(
        std::min<uint64_t>(kPartBytesMax, geometry.segment_bytes / kPartsInSegment), kBlockBytes);
    parts_.reserve(kSlots * part_bytes);
    // The kernel zeroes a page when it is touched first: now, and not under the first commit.
    *parts_.data() = std::byte{0};
    for (size_t i = 0; i < kSlots; ++i) slots_[i]->part = parts_.part(i * part_bytes, part_bytes);
}

void CommitPipeline::enqueue(std::unique_ptr<PendingBatch> batch) {
    if (poisoned_) {
        refuse(std::move(batch), *poisoned_);
    } else if (supply_.exhausted() && batch->urgency == Urgency::kNormal) {
        refuse(std::move(batch), *supply_.exhausted());
    } else {
        waiting_bytes_ += batch->batch.bytes();
        waiting_.push_back(std::move(batch));
    }
}

void CommitPipeline::pump() {
    while (!poisoned_ && (!waiting_.empty() || release_needs_saying())) {
        if (in_flight_ == kSlots) return;
        const size_t bytes = std::min(waiting_bytes_, options_.group_bytes_target);
        if (!depth_.allows(in_flight_, bytes)) return;
        if (!submit_group()) return;
    }
}

// A release that frees a segment is worth a group of its own where no batch is there to carry it.
bool CommitPipeline::release_needs_saying() const {
    if (released_stated_lsn_ >= released_lsn_) return false;
    const Segment* second = table_.after(table_.oldest());
    return second != nullptr && second->first_lsn != Lsn() &&
           second->first_lsn <= released_lsn_ + 1;
}

bool CommitPipeline::submit_group() {
    refuse_oversized();
    if (waiting_.empty() && !release_needs_saying()) return false;
    if (!find_room()) return false;
    Plan plan = plan_group();
    GroupWrite& group = *slots_[(oldest_ + in_flight_) % kSlots];
    TIMBER_ASSERT(!group.op.in_flight());
    TIMBER_ASSERT(group.batches.empty());
    put_together(group, plan);
    submit(group);
    return true;
}

// The records to be carried forward must fit into a segment's checkpoint.
void CommitPipeline::refuse_oversized() {
    while (!waiting_.empty()) {
        const Batch& batch = waiting_.front()->batch;
        const size_t carried = BatchAccess::carried_bytes(batch);
        if (carried == 0 || retained_.bytes() + carried <= geometry_.checkpoint_bytes_max()) return;
        std::unique_ptr<PendingBatch> refused = std::move(waiting_.front());
        waiting_.pop_front();
        waiting_bytes_ -= refused->batch.bytes();
        refuse(std::move(refused), make_error(ErrorCode::kTooLarge,
                                              "the records to be carried forward would exceed " +
                                                  std::to_string(geometry_.checkpoint_bytes_max()) +
                                                  " bytes; forget some, or use larger segments"));
    }
}

// Makes the active segment one that can take the next group; false if there is none.
bool CommitPipeline::find_room() {
    const size_t first_bytes = waiting_.empty() ? 0 : waiting_.front()->batch.bytes();
    const size_t needed = kGroupHeaderBytes + directory_.bytes().size() + first_bytes;
    if (round_up(needed, kBlockBytes) <= geometry_.segment_bytes - active_->end) return true;
    return open_next_segment();
}

bool CommitPipeline::open_next_segment() {
    std::unique_ptr<Segment> next = supply_.take();
    if (next == nullptr) {
        // Without a segment in reserve even urgent batches have no place left.
        if (supply_.exhausted()) refuse_waiting(*supply_.exhausted(), true);
        return false;
    }
    active_ = &table_.add(std::move(next));
    return true;
}

CommitPipeline::Plan CommitPipeline::plan_group() {
    Plan plan;
    const uint64_t room = geometry_.segment_bytes - active_->end;
    plan.total_bytes = kGroupHeaderBytes + directory_.bytes().size();
    if (active_->end == geometry_.groups_begin()) {
        plan.checkpoint = retained_.build();
        plan.total_bytes += plan.checkpoint->bytes();
    }
    TIMBER_ASSERT_OP(plan.total_bytes, <=, room);
    size_t carried = retained_.bytes();
    for (const auto& waiting : waiting_) {
        const size_t grown = plan.total_bytes + waiting->batch.bytes();
        if (grown > room) break;
        if (plan.batches > 0 && grown > options_.group_bytes_target) break;
        carried += BatchAccess::carried_bytes(waiting->batch);
        if (plan.batches > 0 && carried > geometry_.checkpoint_bytes_max()) break;
        plan.total_bytes = grown;
        ++plan.batches;
    }
    return plan;
}

void CommitPipeline::put_together(GroupWrite& group, Plan& plan) {
    const size_t padded = round_up(plan.total_bytes, kBlockBytes);
    group.reserve(padded);
    std::byte* const data = group.data.data();
    const auto block = static_cast<uint32_t>(active_->end / kBlockBytes);
    GroupHeader header{
        .total_bytes = static_cast<uint32_t>(plan.total_bytes),
        .directory_bytes = static_cast<uint32_t>(directory_.bytes().size()),
        .epoch = epoch_,
        .segment = active_->id,
        .block = block,
        .first_lsn = next_lsn_,
        .previous_checksum = chain_checksum_,
        .durable_lsn = TIMBER_MISTAKE(log_witness_ahead) ? next_lsn_ - 1 : durable_lsn_,
        .released_lsn = released_lsn_};
    size_t at = kGroupHeaderBytes;
    copy_bytes(directory_.bytes(), data + at);
    at += directory_.bytes().size();
    directory_.begin(active_->id, block, next_lsn_);
    Lsn lsn = next_lsn_;
    if (plan.checkpoint) {
        put_batch(group, *plan.checkpoint, true, at, lsn);
        at += plan.checkpoint->bytes();
        ++lsn;
        ++checkpoints_;
    }
    group.first_batch_lsn = lsn;
    for (size_t i = 0; i < plan.batches; ++i) {
        std::unique_ptr<PendingBatch> pending = std::move(waiting_.front());
        waiting_.pop_front();
        waiting_bytes_ -= pending->batch.bytes();
        pending->offset = put_batch(group, pending->batch, false, at, lsn);
        at += pending->batch.bytes();
        ++lsn;
        group.batches.push_back(std::move(pending));
    }
    TIMBER_ASSERT_OP(at, ==, plan.total_bytes);
    header.batches = static_cast<uint32_t>(lsn - next_lsn_);
    chain_checksum_ = seal_group(header, geometry_.log_id, group.data.first(plan.total_bytes));
    std::memset(data + at, 0, padded - at);
    group.segment = active_;
    group.next_lsn = lsn;
    group.released_lsn = released_lsn_;
    if (active_->first_lsn == Lsn()) active_->first_lsn = next_lsn_;
    next_lsn_ = lsn;
    released_stated_lsn_ = released_lsn_;
}

// Copies one batch to its place, under its LSN; returns that place in the segment.
uint32_t CommitPipeline::put_batch(GroupWrite& group, Batch& batch, bool checkpoint, size_t at,
                                   Lsn lsn) {
    const ByteView sealed = BatchAccess::seal(batch, checkpoint);
    copy_bytes(sealed, group.data.data() + at);
    stamp_records(group.data.subspan(at, sealed.size()), geometry_.log_id, lsn, directory_);
    const auto offset = static_cast<uint32_t>(active_->end + at);
    if (BatchAccess::has_retention(batch) && !checkpoint) {
        RecordCursor cursor(sealed, batch.records(), lsn, active_->id, offset);
        while (cursor.next()) retained_.apply(cursor.record());
    }
    return offset;
}

void CommitPipeline::submit(GroupWrite& group) {
    const size_t padded_bytes = group.data.size();
    uint64_t offset = active_->end;
    if (TIMBER_MISTAKE(log_block_rewritten) && offset > geometry_.groups_begin())
        offset -= kBlockBytes;
    group.op.prepare_write(active_->file, offset, group.data,
                           !TIMBER_MISTAKE(log_write_not_durable));
    active_->end += padded_bytes;
    TIMBER_ASSERT_OP(active_->end, <=, geometry_.segment_bytes);
    const uint64_t left = geometry_.segment_bytes - active_->end;
    if (left < geometry_.segment_bytes / kLastShareOfSegment) supply_.announce();
    ++in_flight_;
    group.depth = in_flight_;
    group.completed = false;
    group.submitted_at = loop_.clock().now();
    device_bytes_ += padded_bytes;
    disk_.submit(group.op);
    if (TIMBER_MISTAKE(log_ack_before_durable)) finish(group, group.submitted_at);
}

void CommitPipeline::completed(GroupWrite& group) {
    const Instant now = loop_.clock().now();
    group.completed = true;
    const bool failed = !group.op.result().ok() && !TIMBER_MISTAKE(log_write_error_ignored);
    if (failed) {
        poison(with_place(group.op.result().error(), group.segment->path, group.op));
    } else {
        depth_.completed(group.depth, group.op.bytes(), now - group.submitted_at);
        write_latency_us_.add(microseconds(now - group.submitted_at));
        if (TIMBER_MISTAKE(log_completion_out_of_order)) finish(group, now);
    }
    while (in_flight_ > 0 && slots_[oldest_]->completed) {
        GroupWrite& oldest = *slots_[oldest_];
        oldest.completed = false;
        oldest_ = (oldest_ + 1) % kSlots;
        --in_flight_;
        if (!poisoned_) finish(oldest, now);
    }
    recycle();
    // What the completions appended goes out now, not a turn of the loop later.
    listener_.collect();
    pump();
    answered_.clear();
    listener_.on_progress();
}

void CommitPipeline::finish(GroupWrite& group, Instant now) {
    durable_lsn_ = std::max(durable_lsn_, group.next_lsn - 1);
    released_durable_lsn_ = std::max(released_durable_lsn_, group.released_lsn);
    ++group.segment->durable_groups;
    ++groups_;
    group_batches_.add(group.batches.size());
    listener_.on_durable(durable_lsn_, now);
    // The completions may append, release or close: nothing of the group is in use any more.
    std::vector<std::unique_ptr<PendingBatch>> finishing;
    finishing.swap(group.batches);
    const SegmentId segment = group.segment->id;
    Lsn lsn = group.first_batch_lsn;
    if (group.own.capacity() > kBufferKeptBytes) group.own.release();
    size_t finishing_bytes = 0;
    for (const auto& pending : finishing) finishing_bytes += pending->batch.bytes();
    batches_ += finishing.size();
    batch_bytes_ += finishing_bytes;
    listener_.on_answered(finishing.size(), finishing_bytes);
    for (std::unique_ptr<PendingBatch>& pending : finishing) {
        commit_latency_us_.add(microseconds(now - pending->queued_at));
        const Result<Appended> appended =
            Appended(lsn, segment, pending->offset, BatchAccess::seal(pending->batch, false),
                     pending->batch.records());
        pending->done(appended);
        answered_.push_back(std::move(pending));
        ++lsn;
    }
    finishing.clear();
    // Keeps the memory for the next group, unless that is under construction already.
    if (group.batches.empty()) group.batches.swap(finishing);
}

void CommitPipeline::release(Lsn lsn) {
    TIMBER_ASSERT_OP(lsn, <=, durable_lsn_);  // L3
    if (lsn <= released_lsn_ || poisoned_) return;
    released_lsn_ = lsn;
    if (TIMBER_MISTAKE(log_release_not_durable)) {
        released_durable_lsn_ = lsn;
        recycle();
    }
    pump();
}

void CommitPipeline::recycle() {
    if (poisoned_) return;
    while (true) {
        Segment& oldest = table_.oldest();
        const Segment* second = table_.after(oldest);
        // The next segment's first group holds the checkpoint; durable, it makes this segment's
        // carried-forward records unnecessary.
        if (second == nullptr || &oldest == active_ || second->first_lsn == Lsn()) return;
        if (second->durable_groups == 0 && !TIMBER_MISTAKE(log_release_not_durable)) return;
        if (second->first_lsn > released_durable_lsn_ + 1) return;
        std::unique_ptr<Segment> taken = table_.take_oldest();
        if (taken == nullptr) return;
        supply_.recycle(std::move(taken));
    }
}

void CommitPipeline::supply_changed() {
    if (poisoned_) return;
    if (supply_.exhausted()) refuse_waiting(*supply_.exhausted(), false);
    pump();
}

void CommitPipeline::refuse(std::unique_ptr<PendingBatch> batch, const Error& error) {
    if (error.code == ErrorCode::kNoSpace) ++refused_no_space_;
    listener_.on_answered(1, batch->batch.bytes());
    batch->done(error);
}

void CommitPipeline::refuse_waiting(const Error& error, bool urgent_too) {
    // The completions may append again; those come behind what is refused here.
    std::deque<std::unique_ptr<PendingBatch>> refused;
    std::deque<std::unique_ptr<PendingBatch>> kept;
    for (std::unique_ptr<PendingBatch>& pending : waiting_) {
        const bool keep = pending->urgency == Urgency::kUrgent && !urgent_too;
        if (!keep) waiting_bytes_ -= pending->batch.bytes();
        (keep ? kept : refused).push_back(std::move(pending));
    }
    waiting_ = std::move(kept);
    const Error copy = error;
    for (std::unique_ptr<PendingBatch>& pending : refused) refuse(std::move(pending), copy);
}

void CommitPipeline::poison(Error error) {
    if (poisoned_) return;
    error.detail = "the log could not be written and is out of service until a restart: " +
                   std::string(timber::to_string(error.code)) + " " + error.detail;
    if (error.code != ErrorCode::kCrashed) log_error("{}", error.to_string());
    error.code = ErrorCode::kPoisoned;
    poisoned_ = error;
    // Oldest first: the groups in flight, whose fate nobody knows, then those that wait.
    for (size_t i = 0; i < in_flight_; ++i) {
        GroupWrite& group = *slots_[(oldest_ + i) % kSlots];
        std::vector<std::unique_ptr<PendingBatch>> batches = std::move(group.batches);
        group.batches.clear();
        for (auto& pending : batches) refuse(std::move(pending), *poisoned_);
    }
    refuse_waiting(*poisoned_, true);
}

void CommitPipeline::add_to(Stats& stats) const {
    stats.batches = batches_;
    stats.batch_bytes = batch_bytes_;
    stats.groups = groups_;
    stats.device_bytes += device_bytes_;
    stats.device_writes += groups_ + in_flight_;
    stats.refused_no_space += refused_no_space_;
    stats.checkpoints = checkpoints_;
    stats.writes_in_flight = in_flight_;
    stats.writes_in_flight_limit = depth_.limit();
    stats.carried_records = retained_.size();
    stats.commit_latency_us = commit_latency_us_;
    stats.write_latency_us = write_latency_us_;
    stats.group_batches = group_batches_;
}

void CommitPipeline::check_invariants() const {
    TIMBER_ASSERT_OP(durable_lsn_, <, next_lsn_);                 // L2, P3
    TIMBER_ASSERT_OP(released_lsn_, <=, durable_lsn_);            // L3, P3
    TIMBER_ASSERT_OP(released_stated_lsn_, <=, released_lsn_);    // P3
    TIMBER_ASSERT_OP(active_->end, <=, geometry_.segment_bytes);  // P1
    TIMBER_ASSERT_OP(active_->end % kBlockBytes, ==, 0u);         // L4
    Lsn expected = durable_lsn_ + 1;
    for (size_t i = 0; i < in_flight_; ++i) {
        const GroupWrite& group = *slots_[(oldest_ + i) % kSlots];
        TIMBER_ASSERT_OP(group.next_lsn, >=, expected);  // P1
        expected = group.next_lsn;
    }
    if (in_flight_ > 0) TIMBER_ASSERT_OP(expected, ==, next_lsn_);  // L1
    TIMBER_ASSERT_OP(table_.oldest().id, <=, active_->id);          // L6
    retained_.check_invariants();
}

}  // namespace timber::logengine
