#include "memtable/store_core.h"

#include <algorithm>
#include <utility>

#include "memtable/level_shape.h"
#include "memtable/store_iterator_impl.h"
#include "memtable/store_options.h"
#include "memtable/view_reader.h"
#include "src/base/mistake.h"

namespace timber::memtable {

Store::Core::Core(std::unique_ptr<StoreFoundation> foundation, StoreListener& listener)
    : parts_(std::move(foundation), listener, [this] { work(); }) {}

Store::Core::~Core() { TIMBER_ASSERT(closing_ == Closing::kDone); }

void Store::Core::start() {
    parts_.writer.start();
    parts_.files.start();
    work();
}

// Reading.

Result<bool> Store::Core::get(const ReadOptions& options, Family family, std::string_view key,
                              PinnedValue& value) const {
    const ReadPoint at = parts_.current.acquire();
    return read_view(
        *at.view,
        {.family = family,
         .key = key,
         .visible = options.snapshot ? options.snapshot->sequence() : at.visible,
         .options = {.cache_only = options.cache_only, .fill_cache = options.fill_cache}},
        value);
}

std::unique_ptr<StoreIterator> Store::Core::new_iterator(const ReadOptions& options,
                                                         Family family) const {
    ReadPoint at = parts_.current.acquire();
    const Sequence visible = options.snapshot ? options.snapshot->sequence() : at.visible;
    return std::make_unique<StoreIteratorImpl>(std::move(at.view), family, visible, options);
}

// Writing.

std::optional<Error> Store::Core::refusal() const {
    if (closing_ != Closing::kNo) return make_error(ErrorCode::kClosed, "the store is closed");
    if (parts_.health.failed_for_ever()) {
        Error error = *parts_.health.error();
        if (error.code != ErrorCode::kCrashed) error.code = ErrorCode::kPoisoned;
        return error;
    }
    return std::nullopt;
}

Result<Sequence> Store::Core::write(const WriteBatch& batch) {
    if (refusing_) [[unlikely]]
        return *refusal();
    TIMBER_CHECK(batch.check_limits());
    Result<Sequence> applied = parts_.writes.apply(batch);
    if (!applied) [[unlikely]] {
        ++writes_refused_;
        owes_writable_ = true;
        return applied;
    }
    parts_.current.set_visible(*applied);
    // Here, with the batch in it, and not before the next one: the owner may have moved its log
    // floor behind that one already.
    if (parts_.writes.active_full()) [[unlikely]]
        work();
    return applied;
}

Pace Store::Core::pace(size_t bytes) {
    // Often enough for a smooth rise, and seldom enough to cost nothing.
    const size_t active_bytes = parts_.writes.active().memory_bytes();
    if (active_bytes > load_.memory_table_bytes + parts_.options.memory_table_bytes / 64) {
        load_.memory_table_bytes = active_bytes;
        parts_.pacer.set_load(load_);
    }
    Pace pace = parts_.pacer.pace(bytes);
    pace.stopped |= refusing_ || parts_.writes.full();
    owes_writable_ |= pace.stopped;
    delay_asked_ += pace.delay;
    return pace;
}

// What the owner asks for.

void Store::Core::post_result(Done done, Status status) {
    parts_.runner.post([done = std::move(done), status = std::move(status)]() mutable {
        done(std::move(status));
    });
}

void Store::Core::flush(Done done) {
    if (auto refused = refusal()) return post_result(std::move(done), std::move(*refused));
    const WritePath& writes = parts_.writes;
    if (writes.active().empty() && writes.sealed().empty()) {
        const LogMark floor = parts_.listener.log_floor();
        if (floor > version().log_floor()) flusher_.write_floor(floor);
        return post_result(std::move(done), {});
    }
    flusher_.wait(writes.last(), std::move(done));
    work();
}

void Store::Core::compact_range(Family family, KeyRange range, Done done) {
    // What is in memory only would not be compacted.
    flush([this, request = RangeRequest{family, std::move(range), parts_.writes.last()},
           done = std::move(done)](Status flushed) mutable {
        if (flushed && !refusal()) {
            compactor_.compact_range(std::move(request), std::move(done));
        } else {
            done(flushed ? Status(*refusal()) : std::move(flushed));
        }
    });
}

void Store::Core::settle(Done done) {
    if (auto refused = refusal()) return post_result(std::move(done), std::move(*refused));
    settle_waiters_.push_back(std::move(done));
    // Later: an answer never comes within the call.
    parts_.runner.post([this] { work(); });
}

void Store::Core::ingest(IngestRequest request, Done done) {
    if (auto refused = refusal()) return post_result(std::move(done), std::move(*refused));
    ingestor_.ingest(std::move(request), std::move(done));
}

Store::ReservedFile Store::Core::reserve_file() {
    ReservedFile file = parts_.files.reserve();
    file.sync_failures_before = parts_.jobs.names.failures();
    return file;
}

void Store::Core::export_range(ExportRequest request, ExportDone done) {
    if (auto refused = refusal()) {
        parts_.runner.post([done = std::move(done), error = std::move(*refused)]() mutable {
            done(std::move(error));
        });
        return;
    }
    if (request.snapshot == nullptr) request.snapshot = snapshot();
    exporter_.run(
        std::move(request),
        [this](const ReadOptions& options, Family family) { return new_iterator(options, family); },
        std::move(done));
}

void Store::Core::finish_recovery() {
    parts_.files.finish_recovery();
    work();
}

// The work.

void Store::Core::work() {
    // Whoever is told of something may call the store, which comes back here.
    if (std::exchange(working_, true)) {
        work_again_ = true;
        return;
    }
    do {
        work_again_ = false;
        refusing_ = refusal().has_value();
        parts_.writes.set_memory_bytes_max(
            memory_table_budget(parts_.options, parts_.foundation->cache.stats().bytes_reserved));
        if (!refusing_) start_work();
        update_load();
        answer();
        tell();
    } while (work_again_);
    working_ = false;
    close_if_ended();
}

// The cache holds more than its limit where what it cannot evict is more.
void Store::Core::update_memory_limit() {
    if (parts_.options.memory_bytes_max == 0) return;
    const size_t reserved = parts_.foundation->cache.stats().bytes_reserved;
    parts_.writes.set_memory_bytes_max(memory_table_budget(parts_.options, reserved));
}

void Store::Core::start_work() {
    seal_if_due();
    flusher_.work();
    flush_nothing();
    if (flusher_.short_of_space()) return;  // Whatever space there is, the flush needs it.
    parts_.reserve.work();
    if (may_compact()) compactor_.work();
}

// An owner that recovers has more urgent use of disk and processors, unless it waits for this. A
// recovery that is long enough for a flush is one that compaction must keep up with.
bool Store::Core::may_compact() const {
    return !parts_.files.recovering() || parts_.counts.flushes > 0 || compactor_.asked() ||
           !settle_waiters_.empty();
}

void Store::Core::seal_if_due() {
    WritePath& writes = parts_.writes;
    if (!writes.may_seal()) return;
    // The last for a memory limit that is reached before the table has its size: with nothing
    // sealed, nothing would ever be flushed.
    if (writes.active_full() || flusher_.wants_active() ||
        (writes.full() && writes.sealed().empty()) ||
        (!writes.active().empty() && writes.sealed().empty() && level0_waits_for_flush()))
        parts_.seal();
}

// Files of level 0 that are newer than what is flushed may not be compacted (C4). An ingest adds
// some, and many of them stop the writes that would make a memory table full, and so flush it.
bool Store::Core::level0_waits_for_flush() const {
    // Until then what is in memory is not all there yet.
    if (parts_.files.recovering()) return false;
    for (const Family family : kAllFamilies) {
        const auto newer =
            std::ranges::count_if(version().files(family, 0), [this](const TableFileRef& file) {
                return file->meta().sequence_max > version().flushed();
            });
        if (static_cast<size_t>(newer) >= parts_.options.level0_files_compact) return true;
    }
    return false;
}

// The same with nothing in memory, as after a restart.
void Store::Core::flush_nothing() {
    const WritePath& writes = parts_.writes;
    if (!writes.active().empty() || !writes.sealed().empty() || !parts_.manifest.idle()) return;
    if (level0_waits_for_flush()) flusher_.write_floor(version().log_floor());
}

void Store::Core::update_load() {
    const WritePath& writes = parts_.writes;
    load_ = {.memory_tables_sealed = writes.sealed().size(),
             .memory_table_bytes = writes.active().memory_bytes()};
    uint64_t debt_most = 0;
    for (const Family family : kAllFamilies) {
        load_.level0_files = std::max(load_.level0_files, version().files(family, 0).size());
        const LevelShape shape = level_shape(version(), family, parts_.options, parts_.claims);
        load_.debt_bytes += shape.debt_bytes;
        if (shape.debt_bytes < debt_most) continue;
        debt_most = shape.debt_bytes;
        load_.rewrites_per_byte = shape.rewrites_per_byte;
    }
    parts_.pacer.set_load(load_);
}

bool Store::Core::settled() const {
    return parts_.writes.sealed().empty() && !flusher_.running() && compactor_.settled() &&
           parts_.manifest.idle();
}

void Store::Core::answer() {
    const std::optional<Error> error = refusal();
    flusher_.answer(error);
    if (error) compactor_.answer_all(*error);
    if (!error && !settled()) return;
    for (Done& done : std::exchange(settle_waiters_, {})) done(error ? Status(*error) : Status());
}

void Store::Core::tell() {
    const Condition condition = parts_.health.condition();
    if (std::exchange(told_condition_, condition) != condition)
        parts_.listener.condition_changed(condition);
    if (!owes_writable_ || refusing_ || parts_.writes.full() || parts_.pacer.pace(0).stopped)
        return;
    owes_writable_ = false;
    parts_.listener.writable();
}

// The end: no more jobs, then no more changes of the manifest, then the files.

void Store::Core::close(std::move_only_function<void()> done) {
    TIMBER_ASSERT(closing_ == Closing::kNo);
    closing_ = Closing::kJobs;
    refusing_ = true;
    closed_ = std::move(done);
    parts_.health.stop();
    parts_.manifest.stop();
    parts_.runner.stop([this] { work(); });
    // Answers those who wait, and counts until it has run.
    parts_.runner.post([this] { work(); });
}

void Store::Core::close_if_ended() {
    if (closing_ != Closing::kJobs || !parts_.runner.idle() || !parts_.manifest.idle()) return;
    closing_ = Closing::kFiles;
    parts_.writer.close([this] { close_files(); });
}

void Store::Core::close_files() {
    // Let go of in a job: the last to hold a view and a version hands its files to the remover.
    ViewRef view = parts_.current.publish(nullptr, parts_.current.visible());
    VersionRef version = parts_.manifest.take_version();
    parts_.environment.executor.run(
        "close store", [this, view = std::move(view), version = std::move(version)]() mutable {
            view.reset();
            version.reset();
            parts_.environment.loop.post([this] {
                parts_.foundation->remover.close([this] {
                    parts_.environment.executor.run("unlock store", [this] {
                        close_store(parts_.environment.disk, parts_.foundation->opened);
                        parts_.environment.loop.post([this] {
                            closing_ = Closing::kDone;
                            // It may destroy this.
                            std::exchange(closed_, nullptr)();
                        });
                    });
                });
            });
        });
}

}  // namespace timber::memtable
