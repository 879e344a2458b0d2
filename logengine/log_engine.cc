#include "logengine/log_engine.h"

#include <atomic>

#include "logengine/commit_pipeline.h"
#include "logengine/recovery.h"
#include "logengine/witness_writer.h"
#include "src/base/io/log.h"

namespace timber::logengine {

class LogEngine::Core : public CommitPipeline::Listener {
  public:
    Core(Environment environment, const Options& options, OpenedLog opened);
    ~Core() override;

    // Any thread.
    Status append(Batch batch, AppendDone done, Urgency urgency);
    Result<StoredRecord> read(const RecordLocation& location);
    Result<std::vector<Directory>> read_directories(SegmentId segment);
    size_t batch_bytes_max() const { return geometry_.batch_bytes_max(); }

    // The loop.
    void start();
    void close(std::move_only_function<void()> done);
    CommitPipeline& pipeline() { return *pipeline_; }
    const OpenReport& report() const { return report_; }
    Stats stats() const;

  private:
    // append() may be called from threads that never see the loop's state; this is what they see.
    enum class Admission : uint8_t { kOpen, kNoSpace, kClosed, kPoisoned };

    // Takes in what was appended and submits it; posted by whoever appends first.
    struct PumpTask : Task {
        explicit PumpTask(Core& owner)
            : Task([](Task& task) { static_cast<PumpTask&>(task).core.pump(); }), core(owner) {}
        Core& core;
    };

    void pump();
    void collect() override;
    void on_durable(Lsn lsn, Instant now) override;
    void on_answered(size_t batches, size_t bytes) override;
    void on_progress() override;
    void supply_changed();
    Status refusal(Admission admission);
    void close_step();
    void close_last_files();

    const Environment environment_;
    const Options options_;
    const Geometry geometry_;
    const ControlFile control_;
    const FileHandle lock_;
    const OpenReport report_;
    const DeviceCost opening_cost_;
    SegmentTable table_;
    std::unique_ptr<SegmentSupply> supply_;
    std::unique_ptr<WitnessWriter> witness_;
    std::unique_ptr<CommitPipeline> pipeline_;

    TaskQueue incoming_;
    PumpTask pump_task_{*this};
    std::atomic<bool> pump_posted_ = false;
    std::atomic<size_t> pending_bytes_ = 0;
    std::atomic<size_t> pending_batches_ = 0;
    std::atomic<Admission> admission_ = Admission::kOpen;
    std::atomic<uint64_t> refused_busy_ = 0;
    std::atomic<uint64_t> refused_no_space_ = 0;

    enum class Closing : uint8_t { kNo, kDraining, kWitness, kSupply, kFiles, kDone };
    Closing closing_ = Closing::kNo;
    std::move_only_function<void()> closed_;
};

LogEngine::Core::Core(Environment environment, const Options& options, OpenedLog opened)
    : environment_(environment),
      options_(options),
      geometry_(opened.geometry),
      control_(opened.control),
      lock_(opened.lock),
      report_(opened.report),
      opening_cost_(opened.cost),
      table_([this] {
          // From whichever thread read last; only the loop recycles.
          environment_.loop.post([this] {
              if (closing_ <= Closing::kDraining) pipeline_->recycle();
          });
      }) {
    for (std::unique_ptr<Segment>& segment : opened.live) table_.add(std::move(segment));
    supply_ = std::make_unique<SegmentSupply>(
        environment_.disk, environment_.executor, environment_.loop,
        SegmentSupply::Config{.geometry = geometry_,
                              .epoch = opened.report.epoch,
                              .next_id = opened.next_segment_id,
                              .next_file_number = opened.next_file_number,
                              .free_segments_max = options_.free_segments_max,
                              .retry_delay = options_.space_retry_delay},
        [this] { supply_changed(); });
    for (std::unique_ptr<Segment>& spare : opened.spares) supply_->add_spare(std::move(spare));
    const auto& witness = control_.witness();
    witness_ = std::make_unique<WitnessWriter>(
        environment_.disk, environment_.loop, control_.file(), geometry_.log_id,
        opened.report.epoch, witness ? witness->sequence + 1 : 0, options_.witness_delay);
    pipeline_ = std::make_unique<CommitPipeline>(
        environment_.disk, environment_.loop, geometry_, options_, table_, *supply_,
        CommitPipeline::Start{.next_lsn = opened.next_lsn,
                              .released_lsn = opened.released_lsn,
                              .chain_checksum = opened.chain_checksum,
                              .last_directory = std::move(opened.last_directory),
                              .retained = std::move(opened.retained),
                              .epoch = opened.report.epoch},
        *this);
}

LogEngine::Core::~Core() { TIMBER_ASSERT(closing_ == Closing::kDone); }

void LogEngine::Core::start() {
    supply_->start();
    pipeline_->recycle();
}

Status LogEngine::Core::refusal(Admission admission) {
    switch (admission) {
        case Admission::kOpen: return {};
        case Admission::kNoSpace:
            refused_no_space_.fetch_add(1, std::memory_order_relaxed);
            return file_error(ErrorCode::kNoSpace, options_.directory,
                              "no segment in reserve; free disk space or release the log");
        case Admission::kClosed: return make_error(ErrorCode::kClosed, "the log is closed");
        case Admission::kPoisoned:
            return make_error(ErrorCode::kPoisoned,
                              "the log could not be written and is out of service until a restart");
    }
    TIMBER_UNREACHABLE();
}

Status LogEngine::Core::append(Batch batch, AppendDone done, Urgency urgency) {
    if (batch.empty()) return make_error(ErrorCode::kInvalidArgument, "the batch has no records");
    const size_t bytes = batch.bytes();
    if (bytes > geometry_.batch_bytes_max())
        return make_error(ErrorCode::kTooLarge, "a batch of " + std::to_string(bytes) +
                                                    " bytes; the log's segments take at most " +
                                                    std::to_string(geometry_.batch_bytes_max()));
    const Admission admission = admission_.load(std::memory_order_acquire);
    if (admission != Admission::kOpen &&
        !(admission == Admission::kNoSpace && urgency == Urgency::kUrgent))
        return refusal(admission);
    const size_t before = pending_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    // One batch is always taken, so that no limit makes a legal batch impossible.
    if (before > 0 && before + bytes > options_.pending_bytes_max) {
        pending_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
        refused_busy_.fetch_add(1, std::memory_order_relaxed);
        return make_error(ErrorCode::kBusy, "too many bytes wait to become durable; try again");
    }
    pending_batches_.fetch_add(1, std::memory_order_relaxed);
    auto pending = std::make_unique<PendingBatch>(std::move(batch), std::move(done), urgency,
                                                  environment_.loop.clock().now());
    incoming_.push(*pending.release());
    if (!pump_posted_.exchange(true, std::memory_order_acq_rel)) environment_.loop.post(pump_task_);
    return {};
}

void LogEngine::Core::pump() {
    // Before the queue is looked at: whoever appends after that look posts again.
    pump_posted_.store(false, std::memory_order_release);
    collect();
    pipeline_->pump();
    close_step();
}

void LogEngine::Core::collect() {
    incoming_.take_all([this](Task& task) {
        std::unique_ptr<PendingBatch> pending(static_cast<PendingBatch*>(&task));
        if (closing_ > Closing::kDraining) {
            on_answered(1, pending->batch.bytes());
            pending->done(make_error(ErrorCode::kClosed, "the log is closed"));
        } else {
            pipeline_->enqueue(std::move(pending));
        }
    });
}

void LogEngine::Core::on_durable(Lsn lsn, Instant now) { witness_->durable(lsn, now); }

void LogEngine::Core::on_answered(size_t batches, size_t bytes) {
    pending_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    pending_batches_.fetch_sub(batches, std::memory_order_relaxed);
}

void LogEngine::Core::on_progress() {
    if (pipeline_->poisoned() && closing_ == Closing::kNo)
        admission_.store(Admission::kPoisoned, std::memory_order_release);
    close_step();
}

void LogEngine::Core::supply_changed() {
    // A drained pipeline stays drained: a segment that comes now would let it write the word of a
    // release, into a file that is being closed.
    if (closing_ > Closing::kDraining) return;
    Admission expected = supply_->exhausted() ? Admission::kOpen : Admission::kNoSpace;
    const Admission wanted = supply_->exhausted() ? Admission::kNoSpace : Admission::kOpen;
    admission_.compare_exchange_strong(expected, wanted, std::memory_order_acq_rel);
    pipeline_->supply_changed();
    close_step();
}

void LogEngine::Core::close(std::move_only_function<void()> done) {
    TIMBER_ASSERT(closing_ == Closing::kNo);
    admission_.store(Admission::kClosed, std::memory_order_release);
    closing_ = Closing::kDraining;
    closed_ = std::move(done);
    // From the loop, so that `done` never runs within this call.
    environment_.loop.post([this] { pump(); });
}

// Draining, then the last witness, then the supply's job, then the files: each step's end starts
// the next.
void LogEngine::Core::close_step() {
    // What was accepted just before the close may not have reached the pipeline yet.
    const bool drained = pipeline_->idle() && pending_batches_.load(std::memory_order_acquire) == 0;
    if (closing_ != Closing::kDraining || !drained) return;
    closing_ = Closing::kWitness;
    auto witness_done = [this] {
        closing_ = Closing::kSupply;
        supply_->stop([this] { close_last_files(); });
    };
    if (pipeline_->poisoned()) {
        witness_->stop(std::move(witness_done));
    } else {
        witness_->close(pipeline_->durable_lsn(), std::move(witness_done));
    }
}

void LogEngine::Core::close_last_files() {
    closing_ = Closing::kFiles;
    std::vector<std::unique_ptr<Segment>> segments = supply_->take_all();
    table_.clear([&](std::unique_ptr<Segment> segment) { segments.push_back(std::move(segment)); });
    environment_.executor.run("close log", [this, segments = std::move(segments)] {
        for (const std::unique_ptr<Segment>& segment : segments)
            environment_.disk.close(segment->file);
        environment_.disk.close(control_.file());
        environment_.disk.close(lock_);
        environment_.loop.post([this] {
            closing_ = Closing::kDone;
            std::exchange(closed_, nullptr)();
        });
    });
}

Result<LogEngine::StoredRecord> LogEngine::Core::read(const RecordLocation& location) {
    const std::optional<SegmentTable::Pin> pin = table_.pin(location.segment);
    if (!pin)
        return make_error(ErrorCode::kNotFound, "batch " + std::to_string(location.lsn.value()) +
                                                    " is in a segment that was released");
    const uint64_t begin = round_down(location.offset, kDirectAlignment);
    const uint64_t end = round_up(location.offset + location.record_bytes, kDirectAlignment);
    if (end > geometry_.segment_bytes || end <= begin)
        return make_error(ErrorCode::kInvalidArgument, "the location lies outside of a segment");
    StoredRecord stored{AlignedBuffer(end - begin), {}};
    TIMBER_TRY(const size_t bytes, await_read(environment_.disk, pin->file(), pin->path(), begin,
                                              stored.memory.first(end - begin)));
    if (bytes != end - begin)
        return file_error(ErrorCode::kCorrupted, pin->path(), begin + bytes,
                          "the segment is cut short; restore this replica from its peers");
    TIMBER_TRY(stored.record, decode_record(stored.memory.first(bytes).subspan(
                                                location.offset - begin, location.record_bytes),
                                            location, geometry_.log_id, pin->path()));
    return stored;
}

Result<std::vector<Directory>> LogEngine::Core::read_directories(SegmentId segment) {
    const std::optional<SegmentTable::Pin> pin = table_.pin(segment);
    if (!pin) return make_error(ErrorCode::kNotFound, "the segment was released");
    std::vector<Directory> directories;
    AlignedBuffer buffer(geometry_.segment_bytes);
    TIMBER_TRY(const size_t bytes, await_read(environment_.disk, pin->file(), pin->path(), 0,
                                              buffer.first(geometry_.segment_bytes)));
    // Block by block, because a damaged group cannot say where the next one begins.
    uint64_t offset = geometry_.groups_begin();
    while (offset + kBlockBytes <= bytes) {
        const ByteView rest = buffer.first(bytes).subspan(offset);
        offset += kBlockBytes;
        const auto header = decode_group_header(rest, geometry_.log_id);
        if (!header || header->segment != segment || header->total_bytes > rest.size() ||
            header->block != offset / kBlockBytes - 1 || header->directory_bytes == 0 ||
            !group_is_whole(*header, rest.first(header->total_bytes), geometry_.log_id))
            continue;
        TIMBER_TRY(Directory directory,
                   decode_directory(rest.subspan(kGroupHeaderBytes, header->directory_bytes)));
        directories.push_back(std::move(directory));
    }
    return directories;
}

Stats LogEngine::Core::stats() const {
    Stats stats;
    stats.device_bytes = opening_cost_.bytes + supply_->counters().device.bytes +
                         witness_->written() * kControlBlockBytes;
    stats.device_writes =
        opening_cost_.writes + supply_->counters().device.writes + witness_->written();
    pipeline_->add_to(stats);
    stats.refused_busy = refused_busy_.load(std::memory_order_relaxed);
    stats.refused_no_space += refused_no_space_.load(std::memory_order_relaxed);
    stats.segments_created = supply_->counters().created;
    stats.segments_recycled = supply_->counters().recycled;
    stats.segments_removed = supply_->counters().removed;
    stats.witnesses = witness_->written();
    stats.tail_cuts = report_.tail.cut ? 1 : 0;
    stats.pending_bytes = pending_bytes_.load(std::memory_order_relaxed);
    stats.pending_batches = pending_batches_.load(std::memory_order_relaxed);
    stats.segments_live = table_.size();
    stats.segments_spare = supply_->spares();
    stats.no_space = supply_->exhausted().has_value();
    return stats;
}

std::vector<RecordLocation> Appended::locations() const {
    std::vector<RecordLocation> locations;
    locations.reserve(records_);
    RecordCursor cursor(batch_, records_, lsn_, segment_, offset_);
    while (cursor.next()) locations.push_back(cursor.record().location);
    TIMBER_ASSERT_OP(locations.size(), ==, records_);
    return locations;
}

LogEngine::LogEngine(std::unique_ptr<Core> core) : core_(std::move(core)) {}
LogEngine::~LogEngine() = default;

Result<std::unique_ptr<LogEngine>> LogEngine::open(Environment environment, const Options& options,
                                                   BatchVisitor visitor) {
    TIMBER_TRY(OpenedLog opened, open_log(environment.disk, options, visitor));
    auto core = std::make_unique<Core>(environment, options, std::move(opened));
    Core* const started = core.get();
    environment.loop.post([started] { started->start(); });
    return std::unique_ptr<LogEngine>(new LogEngine(std::move(core)));
}

Status LogEngine::append(Batch batch, AppendDone done, Urgency urgency) {
    return core_->append(std::move(batch), std::move(done), urgency);
}

Result<LogEngine::StoredRecord> LogEngine::read(const RecordLocation& location) {
    return core_->read(location);
}

Result<std::vector<Directory>> LogEngine::read_directories(SegmentId segment) {
    return core_->read_directories(segment);
}

void LogEngine::release(Lsn lsn) { core_->pipeline().release(lsn); }

void LogEngine::close(std::move_only_function<void()> done) { core_->close(std::move(done)); }

Lsn LogEngine::durable_lsn() const { return core_->pipeline().durable_lsn(); }
Lsn LogEngine::next_lsn() const { return core_->pipeline().next_lsn(); }
Lsn LogEngine::released_lsn() const { return core_->pipeline().released_lsn(); }
size_t LogEngine::batch_bytes_max() const { return core_->batch_bytes_max(); }
const std::optional<Error>& LogEngine::poisoned() const { return core_->pipeline().poisoned(); }
const OpenReport& LogEngine::open_report() const { return core_->report(); }
Stats LogEngine::stats() const { return core_->stats(); }
void LogEngine::check_invariants() const { core_->pipeline().check_invariants(); }

}  // namespace timber::logengine
