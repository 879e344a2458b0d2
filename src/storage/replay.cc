// Carrying out what is missing; what is to be done, and whether it can be: replay_plan.cc.
#include "src/storage/replay.h"

#include <algorithm>
#include <utility>

#include "src/base/io/log.h"
#include "src/base/mistake.h"
#include "src/storage/entry_reader.h"

namespace timber::storage {

void Replay::start() {
    Status built = build();
    if (!built)
        return parts_.environment.loop.post(
            [this, built = std::move(built)]() mutable { end(std::move(built)); });
    for (const RecoveredChange& change : recovered_.log.changes()) {
        const auto* install = std::get_if<SnapshotInstall>(&change.change);
        if (install == nullptr) continue;
        for (const SnapshotFile& file : install->files) parts_.store->keep_file(file.number);
    }
    post_step();
}

void Replay::post_step() {
    parts_.environment.loop.post([this] { step(); });
}

void Replay::writable() {
    if (std::exchange(stalled_, false)) post_step();
}

void Replay::step() {
    Status stepped = next_change_ < recovered_.log.changes().size() ? step_change()
                     : next_task_ < tasks_.size()                   ? step_entries()
                                                                    : Status();
    if (!stepped && stepped.error().code == ErrorCode::kBusy) {
        stalled_ = true;
        return;
    }
    if (!stepped) return end(std::move(stepped));
    if (waiting_) return;
    if (next_change_ < recovered_.log.changes().size() || next_task_ < tasks_.size())
        return post_step();
    for (auto& [id, region] : parts_.regions) {
        if (Status checked = check_region(region); !checked) return end(std::move(checked));
    }
    end({});
}

void Replay::end(Status status) { std::exchange(done_, nullptr)(std::move(status)); }

Status Replay::step_change() {
    const RecoveredChange& change = recovered_.log.changes()[next_change_];
    Region& region = parts_.region(change.region);
    RegionRow& row = recovered_.rows[change.region];
    if (change.number <= row.change && !TIMBER_MISTAKE(engine_change_replayed_twice)) {
        ++next_change_;
        return {};
    }
    if (std::holds_alternative<SnapshotInstall>(change.change)) {
        waiting_ = true;
        start_install();
        return {};
    }
    TIMBER_TRY(const memtable::Sequence sequence,
               parts_.store->write(effects_of(change.region, change.number, change.change)));
    commits_.keep_until_flushed(change.region, change.location, sequence);
    row.change = change.number;
    region.state = {};
    if (const auto* created = std::get_if<RegionCreated>(&change.change)) {
        region.state = created->state;
    } else {
        region.state.region_state = std::get<RegionDestroyed>(change.change).region_state;
    }
    region.applied_flushed = region.state.applied;
    region.truncated_flushed = region.state.truncated.index;
    ++next_change_;
    return {};
}

void Replay::start_install() {
    if (TIMBER_MISTAKE(engine_install_not_redone)) {
        parts_.environment.loop.post([this] { install_ended({}); });
        return;
    }
    const RecoveredChange& change = recovered_.log.changes()[next_change_];
    const auto& snapshot = std::get<SnapshotInstall>(change.change);
    log_info("storage engine: the snapshot of Region {} at index {} is installed once more",
             change.region.value(), snapshot.state.applied.value());
    parts_.store->ingest(ingest_request(parts_, change.region, change.number, snapshot),
                         [this](Status status) { install_ended(std::move(status)); });
}

// A server that gave up here could not be started before somebody made room, and would not go on by
// itself then. What came before the install is not there any more, so it cannot go on without it.
void Replay::wait_for_space(const Error& error) {
    if (!std::exchange(space_missed_, true))
        log_warning("storage engine: the opening waits for space to install a snapshot: {}",
                    error.to_string());
    parts_.environment.loop.start_timer(retry_, parts_.options.state.retry_delay);
}

void Replay::install_ended(Status status) {
    const RecoveredChange& change = recovered_.log.changes()[next_change_];
    if (!status && status.error().code == ErrorCode::kNoSpace)
        return wait_for_space(status.error());
    waiting_ = false;
    if (!status) {
        if (status.error().code == ErrorCode::kAlreadyExists)
            return end(corrupted(change.region,
                                 "its snapshot's files are part of the state, its row is not"));
        return end(std::move(status));
    }
    ++parts_.report.installs_redone;
    Region& region = parts_.region(change.region);
    region.state = std::get<SnapshotInstall>(change.change).state;
    region.applied_flushed = region.state.applied;
    region.truncated_flushed = region.state.truncated.index;
    recovered_.rows[change.region].change = change.number;
    ++next_change_;
    post_step();
}

Status Replay::step_entries() {
    const Task& task = tasks_[next_task_];
    Region& region = parts_.region(task.region);
    if (!state_) state_ = region.state;
    auto& logged = recovered_.log.regions().at(task.region).entries;
    for (size_t i = 0; i < kStepEntriesMax && state_->applied < task.target; ++i) {
        if (effects_.bytes() >= kBatchBytesTarget) break;
        const raft::LogIndex index = state_->applied + 1;
        std::optional<raft::Entry> entry = std::move(fetched_);
        fetched_.reset();
        if (!entry) entry = logged.at(index).kept;
        if (!entry) {
            read(region, index);
            return {};
        }
        TIMBER_CHECK(apply_one(region, *entry));
    }
    TIMBER_CHECK(write_effects(region));
    if (region.state.applied < task.target) return {};
    state_.reset();
    ++next_task_;
    return {};
}

Status Replay::apply_one(Region& region, const raft::Entry& entry) {
    TIMBER_ASSERT_OP(entry.index, ==, state_->applied + 1);
    AppliedState before = *state_;
    Status applied = parts_.applier.apply(region.id, entry, *state_, effects_);
    if (!applied) {
        const RecoveredEntry& logged =
            recovered_.log.regions().at(region.id).entries.at(entry.index);
        return at_record(std::move(applied).error(), log_directory(parts_.options),
                         logged.location);
    }
    state_->applied = entry.index;
    state_->applied_term = entry.term;
    ++parts_.report.entries_replayed;
    if (state_->truncated.index < before.truncated.index ||
        state_->truncated.index > state_->applied)
        return corrupted(region.id, "an entry truncates the log behind itself, or not at all");
    return {};
}

// The effects so far, with the Region's row. Busy leaves them for the next try.
Status Replay::write_effects(Region& region) {
    if (state_->applied == region.state.applied) return {};
    memtable::WriteBatch batch = effects_;
    batch.put(memtable::Family::kMeta, region_row_key(region.id),
              encode_row(EngineParts::row_of(region, *state_)));
    TIMBER_CHECK(parts_.store->write(batch));
    effects_.clear();
    region.state = *state_;
    return {};
}

// An entry that did not fit into memory when the log was read.
void Replay::read(Region& region, raft::LogIndex index) {
    waiting_ = true;
    const logengine::RecordLocation location = region.entries.at(index).location;
    parts_.environment.executor.run("read entry", [this, index, location] {
        auto entry = read_entry(*parts_.log, index, location);
        parts_.environment.loop.post([this, entry = std::move(entry)]() mutable {
            waiting_ = false;
            if (!entry) return end(std::move(entry).error());
            fetched_ = std::move(*entry);
            post_step();
        });
    });
}

}  // namespace timber::storage
