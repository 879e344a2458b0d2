#include "memtable/flusher.h"

#include <algorithm>
#include <utility>

#include "src/base/mistake.h"

namespace timber::memtable {

void Flusher::work() {
    if (job_ != nullptr || parts_.writes.sealed().empty()) return;
    // Until the reserve's space is free, another try would fail like the last.
    if (!parts_.health.may_try(Health::Part::kFlush) || parts_.reserve.giving_up()) return;
    start();
}

void Flusher::start() {
    const auto& sealed = parts_.writes.sealed();
    tables_ = short_of_space_ ? 1 : sealed.size();
    FlushJob::Request request{.tables = {},
                              .version = parts_.manifest.version(),
                              .snapshots = parts_.snapshots.sequences(),
                              .flushed = sealed[tables_ - 1].last,
                              .log_floor = sealed[tables_ - 1].log_floor};
    if (TIMBER_MISTAKE(store_log_floor_late)) request.log_floor = parts_.listener.log_floor();
    for (size_t i = 0; i < tables_; ++i) request.tables.push_back(sealed[i].table);
    job_ = std::make_unique<FlushJob>(parts_.jobs, std::move(request), parts_.new_seed());
    started_ = parts_.now();
    parts_.runner.run("flush", JobRunner::Kind::kFlush, *job_,
                      [this](Status status) { job_ended(std::move(status)); });
}

void Flusher::job_ended(Status status) {
    if (!status) return failed(std::move(status).error());
    JobOutcome outcome = job_->take_outcome();
    parts_.counts.flush_bytes_written += job_->counts().bytes_written;
    parts_.manifest.push({
        .prepare = [edit = std::move(outcome.edit)](const Version&) mutable -> Result<VersionEdit> {
            return std::move(edit);
        },
        .files = outcome.files,
        .publish = [this](const VersionRef& version) { published(*version); },
        .failed =
            [this, files = outcome.files](Error error) mutable {
                parts_.discard(std::move(files));
                failed(std::move(error));
            },
    });
}

void Flusher::published(const Version& version) {
    parts_.writes.drop_flushed(tables_);
    parts_.show();
    job_.reset();
    short_of_space_ = false;
    ++parts_.counts.flushes;
    parts_.counts.flush_us.add(microseconds(parts_.now() - started_));
    parts_.health.recovered(Health::Part::kFlush);
    parts_.listener.flushed(version.flushed(), version.log_floor());
    parts_.changed();
}

void Flusher::failed(Error error) {
    job_.reset();
    if (error.code == ErrorCode::kNoSpace) {
        short_of_space_ = true;
        if (parts_.reserve.held()) {
            parts_.reserve.give_up(std::move(error));
            return parts_.changed();
        }
    }
    if (error.code != ErrorCode::kClosed) parts_.health.failed(Health::Part::kFlush, error);
    parts_.changed();
}

Sequence Flusher::oldest_in_memory() const {
    const WritePath& writes = parts_.writes;
    if (!writes.sealed().empty()) return writes.sealed().front().table->sequence_min();
    const MemoryTable& active = parts_.writes.active();
    return active.empty() ? kSequenceMax : active.sequence_min();
}

void Flusher::wait(Sequence sequence, Done done) {
    TIMBER_ASSERT(waiters_.empty() || waiters_.back().sequence <= sequence);
    waiters_.push_back({sequence, std::move(done)});
}

bool Flusher::wants_active() const {
    const MemoryTable& active = parts_.writes.active();
    return !waiters_.empty() && !active.empty() &&
           active.sequence_min() <= waiters_.back().sequence;
}

void Flusher::answer(const std::optional<Error>& error) {
    while (!waiters_.empty()) {
        const bool flushed = waiters_.front().sequence < oldest_in_memory();
        if (!flushed && !error) return;
        // Taken out first: what it does may wait again.
        Waiter waiter = std::move(waiters_.front());
        waiters_.pop_front();
        waiter.done(flushed ? Status() : Status(*error));
    }
}

void Flusher::write_floor(LogMark floor) {
    parts_.manifest.push({
        .prepare = [edit = VersionEdit{.flushed = parts_.writes.last(), .log_floor = floor}](
                       const Version& version) mutable -> Result<VersionEdit> {
            // A flush that came between may have brought more.
            edit.flushed = std::max(*edit.flushed, version.flushed());
            edit.log_floor = std::max(*edit.log_floor, version.log_floor());
            edit.sequence_last = edit.flushed;
            return std::move(edit);
        },
        .publish =
            [this](const VersionRef& version) {
                parts_.show();
                parts_.listener.flushed(version->flushed(), version->log_floor());
                parts_.changed();
            },
        // The floor is written again with the next flush.
        .failed = [](const Error&) {},
    });
}

}  // namespace timber::memtable
