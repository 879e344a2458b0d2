#include "memtable/compactor.h"

#include <algorithm>
#include <utility>

namespace timber::memtable {

struct Compactor::Running {
    CompactionClaims::Id claim;
    Instant started;
    // Null for a move.
    std::unique_ptr<CompactionJob> job;
    size_t files_moved = 0;
};

Compactor::Compactor(StoreParts& parts) : parts_(parts), picker_(parts.options) {}

Compactor::~Compactor() { TIMBER_ASSERT(running_.empty() && ranges_.empty()); }

PickInputs Compactor::inputs() const {
    return {.version = parts_.manifest.version(),
            .claims = parts_.claims,
            .snapshot_oldest = parts_.snapshots.oldest(kSequenceMax)};
}

void Compactor::work() {
    due_ = true;
    if (!parts_.health.may_try(Health::Part::kCompaction)) return;
    work_on_ranges();
    while (running_.size() < parts_.options.compactions_max) {
        std::optional<Compaction> compaction = picker_.pick(inputs());
        if (!compaction) {
            due_ = false;
            // What failed is not wanted any more: another compaction, which ended before it, took
            // its reason away. With nothing to try again, the trouble would never end.
            if (settled()) parts_.health.recovered(Health::Part::kCompaction);
            return;
        }
        start(std::move(*compaction));
    }
}

void Compactor::work_on_ranges() {
    for (auto range = ranges_.begin(); range != ranges_.end();) {
        if (running_.size() >= parts_.options.compactions_max) return;
        RangePick pick = picker_.pick_range(inputs(), range->request);
        if (pick.done) {
            // Later, so that whatever it does finds this list at rest.
            parts_.runner.post([done = std::move(range->done)]() mutable { done({}); });
            range = ranges_.erase(range);
        } else {
            if (pick.compaction) start(std::move(*pick.compaction));
            ++range;
        }
    }
}

void Compactor::start(Compaction compaction) {
    TIMBER_CHECK_SLOW((compaction.check_invariants(), true));
    Running& running = running_.emplace_back(
        Running{.claim = parts_.claims.claim(compaction), .started = parts_.now()});
    if (compaction.move) {
        running.files_moved = compaction.inputs_from.size();
        return push_outcome(running, {.edit = compaction.move_edit()});
    }
    running.job = std::make_unique<CompactionJob>(
        parts_.jobs,
        CompactionJob::Request{.compaction = std::move(compaction),
                               .snapshots = parts_.snapshots.sequences()},
        parts_.new_seed());
    parts_.runner.run("compaction", JobRunner::Kind::kCompaction, *running.job,
                      [this, &running](Status status) { job_ended(running, std::move(status)); });
}

void Compactor::job_ended(Running& running, Status status) {
    const JobCounts& counts = running.job->counts();
    parts_.counts.compaction_bytes_read += counts.bytes_read;
    parts_.counts.compaction_bytes_written += counts.bytes_written;
    if (!status) return failed(running, std::move(status).error());
    push_outcome(running, running.job->take_outcome());
}

void Compactor::push_outcome(Running& running, JobOutcome outcome) {
    parts_.manifest.push({
        .prepare = [edit = std::move(outcome.edit)](const Version&) mutable -> Result<VersionEdit> {
            return std::move(edit);
        },
        .files = outcome.files,
        .publish = [this, &running](const VersionRef&) { published(running); },
        .failed =
            [this, &running, files = outcome.files](Error error) mutable {
                parts_.discard(std::move(files));
                failed(running, std::move(error));
            },
    });
}

void Compactor::published(Running& running) {
    parts_.show();
    if (running.job == nullptr) {
        parts_.counts.compactions_moved += running.files_moved;
    } else {
        ++parts_.counts.compactions;
        parts_.counts.compaction_us.add(microseconds(parts_.now() - running.started));
    }
    parts_.health.recovered(Health::Part::kCompaction);
    end(running);
}

void Compactor::failed(Running& running, Error error) {
    if (error.code != ErrorCode::kClosed)
        parts_.health.failed(Health::Part::kCompaction, std::move(error));
    end(running);
}

void Compactor::end(Running& running) {
    parts_.claims.release(running.claim);
    const auto place =
        std::ranges::find_if(running_, [&](const Running& each) { return &each == &running; });
    TIMBER_ASSERT(place != running_.end());
    running_.erase(place);
    parts_.changed();
}

void Compactor::compact_range(RangeRequest request, Done done) {
    ranges_.push_back({std::move(request), std::move(done)});
    parts_.changed();
}

void Compactor::answer_all(const Error& error) {
    while (!ranges_.empty()) {
        // Taken out first: what it does may ask for another range.
        Done done = std::move(ranges_.front().done);
        ranges_.pop_front();
        done(error);
    }
}

}  // namespace timber::memtable
