// The half of the commit path that carries out changes by value in the state store.
#include <algorithm>
#include <utility>

#include "src/base/io/log.h"
#include "src/base/mistake.h"
#include "src/storage/commit_path.h"

namespace timber::storage {

using memtable::Family;
using memtable::IngestFile;
using memtable::IngestRequest;

static constexpr Family kDataFamilies[] = {Family::kDefault, Family::kLock, Family::kWrite};

memtable::WriteBatch effects_of(RegionId region, ChangeNumber change,
                                const RegionChange& by_value) {
    memtable::WriteBatch effects;
    RegionRow row{.change = change};
    if (const auto* created = std::get_if<RegionCreated>(&by_value)) {
        row.state = created->state;
    } else {
        const auto& destroyed = std::get<RegionDestroyed>(by_value);
        row.destroyed = true;
        row.state.region_state = destroyed.region_state;
        if (!TIMBER_MISTAKE(engine_old_range_kept)) {
            for (const Family family : kDataFamilies)
                effects.remove_range(family, destroyed.range.begin, destroyed.range.end);
        }
    }
    effects.put(Family::kMeta, region_row_key(region), encode_row(row));
    return effects;
}

IngestRequest ingest_request(const EngineParts& parts, RegionId region, ChangeNumber change,
                             const SnapshotInstall& install) {
    IngestRequest request{.range = install.range};
    for (const SnapshotFile& file : install.files)
        request.files.push_back(IngestFile{.number = file.number,
                                           .family = file.family,
                                           .id = file.id,
                                           .file_bytes = file.file_bytes,
                                           .file_checksum = file.file_checksum});
    const RegionRow row{.change = change, .state = install.state};
    request.rows.put(Family::kMeta, region_row_key(region), encode_row(row));
    // An ingest may become durable before anything else, the identity included.
    request.rows.put(Family::kMeta, kIdentityRowKey, as_text(encode_identity(parts.identity)));
    return request;
}

// Goes on with what the Region has waiting, in order.
void CommitPath::go_on(Region& region) {
    while (!region.waiting.empty()) {
        const Region::Waiting next = region.waiting.front();
        if (!carry_out(*next.commit, next.part)) return;
        region.waiting.pop_front();
        part_done(*next.commit);
    }
}

bool CommitPath::carry_out(PendingCommit& commit, size_t index) {
    Part& part = commit.parts[index];
    Region& region = parts_.region(part.region);
    if (part.changes.install) {
        start_install(commit, index);
        return false;
    }
    if (part.change_location) {
        const Status written = write_change(part);
        if (!written) {
            if (written.error().code == ErrorCode::kBusy) {
                stalled_.push_back(region.id);
            } else if (written.error().code != ErrorCode::kClosed) {
                parts_.fail(parts_.as_poisoned(written.error()));
            }
            return false;
        }
    }
    take_in(region, part);
    return true;
}

Status CommitPath::write_change(Part& part) {
    const RegionChange change =
        part.changes.create ? RegionChange(RegionCreated{*part.changes.create})
                            : RegionChange(RegionDestroyed{part.changes.destroy->range,
                                                           part.changes.destroy->region_state});
    TIMBER_TRY(const memtable::Sequence sequence,
               parts_.store->write(effects_of(part.region, part.after.change, change)));
    unflushed_.push_back({part.region, *part.change_location, sequence});
    return {};
}

void CommitPath::start_install(PendingCommit& commit, size_t index) {
    const Part& part = commit.parts[index];
    ++installs_running_;
    parts_.store->ingest(
        ingest_request(parts_, part.region, part.after.change, *part.changes.install),
        [this, number = commit.number, index](Status status) {
            --installs_running_;
            install_ended(number, index, std::move(status));
            changed_();
        });
}

// Trouble that passes.
static bool worth_another_try(const Error& error) {
    if (TIMBER_MISTAKE(engine_install_before_record) && error.code == ErrorCode::kInvalidArgument)
        return true;  // the first one is under way still
    return error.code == ErrorCode::kNoSpace || error.code == ErrorCode::kBusy ||
           error.code == ErrorCode::kIoError;
}

// With the planted mistake it is the second time.
static bool installed_before(const Error& error) {
    return TIMBER_MISTAKE(engine_install_before_record) &&
           (error.code == ErrorCode::kAlreadyExists || error.code == ErrorCode::kMissing ||
            error.code == ErrorCode::kNotFound);
}

void CommitPath::install_ended(uint64_t number, size_t index, Status status) {
    const auto place = durable_.find(number);
    if (place == durable_.end()) return;  // given up
    PendingCommit& commit = *place->second;
    Part& part = commit.parts[index];
    Region& region = parts_.region(part.region);
    if (!status && !installed_before(status.error())) {
        const Error& error = status.error();
        if (error.code == ErrorCode::kClosed) return;
        if (!worth_another_try(error)) return parts_.fail(parts_.as_poisoned(error));
        log_warning("storage engine: a snapshot of Region {} is not installed yet: {}",
                    part.region.value(), error.to_string());
        installs_to_retry_.push_back({number, index});
        if (!retry_.armed())
            parts_.environment.loop.start_timer(retry_, parts_.options.state.retry_delay);
        return;
    }
    TIMBER_ASSERT(!region.waiting.empty() && region.waiting.front().commit == &commit);
    // The ingest is durable: a recovery finds it done.
    parts_.live.remove(part.region, *part.change_location);
    take_in(region, part);
    region.waiting.pop_front();
    part_done(commit);
    go_on(region);
}

void CommitPath::retry_installs() {
    for (const auto& [number, index] : std::exchange(installs_to_retry_, {})) {
        const auto place = durable_.find(number);
        if (place != durable_.end()) start_install(*place->second, index);
    }
}

void CommitPath::part_done(PendingCommit& commit) {
    TIMBER_ASSERT(commit.parts_left > 0);
    if (--commit.parts_left > 0) return;
    const auto place = durable_.find(commit.number);
    TIMBER_ASSERT(place != durable_.end());
    const std::unique_ptr<PendingCommit> finished = std::move(place->second);
    durable_.erase(place);
    finish_now(*finished, {});
}

void CommitPath::writable() {
    for (const RegionId id : std::exchange(stalled_, {})) go_on(parts_.region(id));
}

void CommitPath::flushed(memtable::Sequence flushed) {
    while (!unflushed_.empty() && unflushed_.front().sequence <= flushed) {
        parts_.live.remove(unflushed_.front().region, unflushed_.front().location);
        unflushed_.pop_front();
    }
}

std::optional<logengine::Lsn> CommitPath::lowest_pending() const {
    std::optional<logengine::Lsn> lowest;
    for (const auto& [number, commit] : durable_)
        if (!lowest || commit->lsn < *lowest) lowest = commit->lsn;
    return lowest;
}

void CommitPath::give_up(const Error& error) {
    stalled_.clear();
    installs_to_retry_.clear();
    if (retry_.armed()) parts_.environment.loop.cancel_timer(retry_);
    for (auto& [id, region] : parts_.regions) region.waiting.clear();
    const auto given_up = std::exchange(durable_, {});
    for (const auto& [number, commit] : given_up) finish_now(*commit, error);
}

}  // namespace timber::storage
