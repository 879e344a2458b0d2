// Accepting commits and taking in what became durable; carrying out changes by value:
// change_path.cc.
#include "src/storage/commit_path.h"

#include <algorithm>
#include <array>
#include <utility>

#include "src/base/mistake.h"

namespace timber::storage {

// What one Region takes in the log's checkpoints, at most.
static constexpr size_t kCarriedRegionBytes = kProgressBytesMax + 40;
static constexpr size_t kCarriedOverheadBytes = 40;

CommitPath::CommitPath(EngineParts& parts, std::function<void()> changed)
    : parts_(parts), changed_(std::move(changed)), retry_([this] { retry_installs(); }) {}

CommitPath::~CommitPath() { TIMBER_ASSERT(idle()); }

static Error unfit(RegionId region, const char* what) {
    return make_error(ErrorCode::kInvalidArgument,
                      "Region " + std::to_string(region.value()) + ": " + what);
}

static RegionLog created_log(const RegionLog& before, const AppliedState& state,
                             const raft::HardState& hard_state) {
    return {before.change + 1,    true,         hard_state, state.truncated.index,
            state.truncated.term, state.applied};
}

static Result<RegionLog> log_after(RegionId region, const RegionLog& before,
                                   const WriteBatchAccess::RegionChanges& changes) {
    if (changes.create) {
        if (before.alive) return unfit(region, "it exists already");
        RegionLog after = created_log(before, *changes.create, *changes.hard_state);
        return after;
    }
    if (!before.alive) return unfit(region, "there is no such Region");
    RegionLog after = before;
    if (changes.destroy) return RegionLog{.change = before.change + 1};
    if (changes.install) after = created_log(before, changes.install->state, before.hard_state);
    if (changes.hard_state) after.hard_state = *changes.hard_state;
    return after;
}

// Entries, where there are some, follow on what is there or replace its end.
static void append_to(RegionLog& log, const std::vector<raft::Entry>& entries) {
    if (entries.empty()) return;
    TIMBER_ASSERT_OP(entries.front().index, <=, log.last_index + 1);  // B2
    log.last_index = entries.back().index;
    log.last_term = entries.back().term;
}

Result<std::unique_ptr<PendingCommit>> CommitPath::plan(WriteBatch& batch) {
    auto commit = std::make_unique<PendingCommit>();
    for (auto& [id, changes] : WriteBatchAccess::regions(batch)) {
        const auto place = parts_.regions.find(id);
        const RegionLog before =
            place == parts_.regions.end() ? RegionLog{} : place->second.accepted;
        TIMBER_TRY(RegionLog after, log_after(id, before, changes));
        const bool by_value = after.change != before.change;
        if (!changes.entries.empty() && !by_value && place->second.log.change == after.change)
            TIMBER_ASSERT_OP(changes.entries.front().index, >, place->second.state.applied);
        append_to(after, changes.entries);
        if (after.alive) TIMBER_ASSERT_OP(after.hard_state.commit, <=, after.last_index);  // E1
        commit->parts.push_back(
            {.region = id, .changes = std::move(changes), .after = std::move(after)});
    }
    commit->locals = std::move(WriteBatchAccess::locals(batch));
    add_riders(*commit);
    return commit;
}

void CommitPath::add_riders(PendingCommit& commit) const {
    // What a batch carries must fit into a checkpoint, beside what is there.
    const size_t budget = parts_.log->batch_bytes_max() / 5;
    size_t bytes = carried_bytes(commit);
    for (const RegionId id : owing_) {
        bytes += kCarriedRegionBytes;
        if (bytes > budget) return;
        const Region& region = parts_.region(id);
        // A commit in flight may be refused, and what is accepted with it.
        if (!region.owes_progress || !region.in_flight.empty() || !region.waiting.empty()) continue;
        const bool touched =
            std::ranges::any_of(commit.parts, [&](const Part& part) { return part.region == id; });
        if (!touched) commit.riders.push_back(id);
    }
}

// Of the log's next checkpoint, about, counted as the log counts before it takes a batch.
size_t CommitPath::carried_bytes(const PendingCommit& commit) const {
    size_t bytes = (parts_.regions.size() + 2 * commit.parts.size() + 1) * kCarriedRegionBytes;
    for (const auto& [key, value] : parts_.locals) bytes += kCarriedOverheadBytes + value.size();
    for (const auto& [key, value] : commit.locals)
        bytes += kCarriedOverheadBytes + (value ? value->size() : 0);
    return bytes;
}

static Status add_progress(logengine::Batch& batch, RegionId region,
                           const RegionProgress& progress) {
    const auto retention = TIMBER_MISTAKE(engine_progress_not_carried)
                               ? logengine::Retention::kUntilReleased
                               : logengine::Retention::kCarriedForward;
    return batch.add(kProgressRecord, region_tag(region), encode_progress(progress), retention);
}

static std::optional<RegionChange> change_of(const WriteBatchAccess::RegionChanges& changes) {
    if (changes.create) return RegionCreated{*changes.create};
    if (changes.install) return *changes.install;
    if (changes.destroy)
        return RegionDestroyed{changes.destroy->range, changes.destroy->region_state};
    return std::nullopt;
}

static raft::LogIndex applied_of(const Region* region, const RegionLog& after) {
    if (region == nullptr || region->log.change != after.change) return after.applied_first;
    return region->state.applied;
}

// A planted mistake; a batch that holds nothing else cannot do without.
static bool progress_apart(const PendingCommit& commit) {
    return TIMBER_MISTAKE(engine_progress_apart) &&
           std::ranges::any_of(commit.parts, [](const PendingCommit::Part& part) {
               return !part.changes.entries.empty();
           });
}

Status CommitPath::encode_part(const Part& part, logengine::Batch& batch) const {
    if (const auto change = change_of(part.changes))
        TIMBER_CHECK(batch.add(record_type(*change), change_tag(part.region, part.after.change),
                               encode_change(*change)));
    for (const raft::Entry& entry : part.changes.entries) {
        std::array<std::byte, kEntryPrefixBytes> prefix;
        encode_entry_prefix(entry, prefix);
        const std::array<ByteView, 2> pieces = {ByteView(prefix), entry.payload.bytes()};
        TIMBER_CHECK(batch.add_pieces(kEntryRecord, entry_tag(part.region, entry.index), pieces));
    }
    return {};
}

// Apart from the rest so that a planted mistake can put it into a batch of its own.
Status CommitPath::encode_progress_of(const PendingCommit& commit, logengine::Batch& batch) const {
    for (const Part& part : commit.parts) {
        if (!part.after.alive) {
            TIMBER_CHECK(batch.add(kProgressRecord, region_tag(part.region), {},
                                   logengine::Retention::kForget));
            continue;
        }
        const auto place = parts_.regions.find(part.region);
        raft::LogIndex applied =
            applied_of(place == parts_.regions.end() ? nullptr : &place->second, part.after);
        if (TIMBER_MISTAKE(engine_applied_ahead)) ++applied;
        TIMBER_CHECK(add_progress(batch, part.region, progress_of(part.after, applied)));
    }
    for (const RegionId id : commit.riders) {
        const Region& region = parts_.region(id);
        TIMBER_CHECK(add_progress(batch, id, progress_of(region.log, region.state.applied)));
    }
    return {};
}

Status CommitPath::encode(PendingCommit& commit, logengine::Batch& batch) const {
    for (const Part& part : commit.parts) TIMBER_CHECK(encode_part(part, batch));
    if (!progress_apart(commit)) TIMBER_CHECK(encode_progress_of(commit, batch));
    for (const auto& [key, value] : commit.locals) {
        const logengine::RecordTag tag{key, 0};
        TIMBER_CHECK(value ? batch.add(kLocalRecord, tag, as_bytes(*value),
                                       logengine::Retention::kCarriedForward)
                           : batch.add(kLocalRecord, tag, {}, logengine::Retention::kForget));
    }
    return {};
}

Status CommitPath::commit(WriteBatch batch, StorageEngine::Done done, bool urgent) {
    if (batch.empty()) return make_error(ErrorCode::kInvalidArgument, "the batch is empty");
    const size_t bytes = batch.bytes();
    TIMBER_TRY(std::unique_ptr<PendingCommit> commit, plan(batch));
    commit->done = std::move(done);
    commit->urgent = urgent;
    if (carried_bytes(*commit) > parts_.log->batch_bytes_max() / 5)
        return make_error(ErrorCode::kTooLarge,
                          "the log's segments cannot carry forward so many Regions and local rows; "
                          "use larger segments");
    logengine::Batch records;
    records.reserve(bytes);
    TIMBER_CHECK(encode(*commit, records));
    return hand_over(std::move(commit), std::move(records));
}

Status CommitPath::hand_over(std::unique_ptr<PendingCommit> commit, logengine::Batch records) {
    PendingCommit& handed = *commit;
    logengine::Batch apart;
    if (progress_apart(handed)) TIMBER_CHECK(encode_progress_of(handed, apart));
    // Behind a normal commit of the same Region an urgent one must share its fate: refused between
    // two that are not, it would leave a hole in the Region's log.
    for (const Part& part : handed.parts) {
        const auto place = parts_.regions.find(part.region);
        if (place != parts_.regions.end() && place->second.normal_in_flight())
            handed.urgent = false;
    }
    const auto urgency = handed.urgent ? logengine::Urgency::kUrgent : logengine::Urgency::kNormal;
    TIMBER_CHECK(parts_.log->append(
        std::move(records),
        [this, commit = std::move(commit)](const Result<logengine::Appended>& appended) mutable {
            answered(std::move(commit), appended);
        },
        urgency));
    accepted(handed);
    if (!apart.empty())
        TIMBER_CHECK(parts_.log->append(
            std::move(apart), [](const Result<logengine::Appended>&) {}, urgency));
    return {};
}

void CommitPath::accepted(PendingCommit& commit) {
    commit.number = ++last_number_;
    ++in_flight_;
    for (Part& part : commit.parts) {
        Region& region = parts_.regions.try_emplace(part.region, part.region).first->second;
        const bool by_value = part.after.change != region.accepted.change;
        region.accepted = part.after;
        region.in_flight.push_back({commit.number, commit.urgent, part.after});
        if (by_value) region.replaced_from = raft::LogIndex();
        if (!part.changes.entries.empty())
            region.replaced_from =
                std::min(region.replaced_from, part.changes.entries.front().index);
        region.owes_progress = false;
        if (TIMBER_MISTAKE(engine_install_before_record) && part.changes.install)
            parts_.store->ingest(
                ingest_request(parts_, part.region, part.after.change, *part.changes.install),
                [](const Status&) {});
    }
    for (const RegionId id : commit.riders) parts_.region(id).owes_progress = false;
    std::erase_if(owing_, [&](RegionId id) { return !parts_.region(id).owes_progress; });
}

void CommitPath::owes_progress(Region& region) {
    if (std::exchange(region.owes_progress, true)) return;
    owing_.push_back(region.id);
}

// The log's answer.

void CommitPath::answered(std::unique_ptr<PendingCommit> commit,
                          const Result<logengine::Appended>& appended) {
    left_flight(*commit);
    if (appended.ok()) {
        durable(std::move(commit), *appended);
    } else {
        refused(*commit, appended.error());
    }
    changed_();
}

void CommitPath::left_flight(PendingCommit& commit) {
    TIMBER_ASSERT(in_flight_ > 0);
    --in_flight_;
    for (Part& part : commit.parts) {
        Region& region = parts_.region(part.region);
        const auto place =
            std::ranges::find(region.in_flight, commit.number, &Region::InFlight::commit);
        TIMBER_ASSERT(place != region.in_flight.end());
        part.doomed = place->doomed;
        region.in_flight.erase(place);
        if (region.in_flight.empty()) region.replaced_from = raft::kLogIndexMax;
    }
}

static bool surely_not_done(const Error& error) {
    return error.code == ErrorCode::kNoSpace || error.code == ErrorCode::kTooLarge ||
           error.code == ErrorCode::kClosed;
}

void CommitPath::refused(PendingCommit& commit, const Error& error) {
    const bool unknown = !surely_not_done(error);
    if (unknown) parts_.fail(parts_.as_poisoned(error));
    for (const Part& part : commit.parts) {
        Region& region = parts_.region(part.region);
        if (!part.doomed) fall_back(region, commit.number);
        if (region.log.alive) owes_progress(region);
    }
    for (const RegionId id : commit.riders)
        if (parts_.region(id).log.alive) owes_progress(parts_.region(id));
    parts_.refused_no_space |= error.code == ErrorCode::kNoSpace;
    finish_now(commit, unknown ? parts_.as_poisoned(error) : error);
}

// The next commit builds on what was accepted before the refused one, which may be on its way to
// the disk still. Whatever was accepted behind it builds on it, and must be refused too.
void CommitPath::fall_back(Region& region, uint64_t refused_commit) const {
    if (!region.waiting.empty()) {
        const Region::Waiting& last = region.waiting.back();
        region.accepted = last.commit->parts[last.part].after;
    } else {
        region.accepted = region.log;
    }
    for (Region::InFlight& each : region.in_flight) {
        if (each.commit > refused_commit) {
            each.doomed = true;
        } else if (!each.doomed) {
            region.accepted = each.after;
        }
    }
}

void CommitPath::durable(std::unique_ptr<PendingCommit> commit,
                         const logengine::Appended& appended) {
    PendingCommit& logged = *commit;
    logged.lsn = appended.lsn();
    ++parts_.commits;
    for (const Part& part : logged.parts) {
        if (!part.doomed) continue;
        parts_.fail(make_error(ErrorCode::kPoisoned,
                               "the log took a commit behind one that it refused; a restart finds "
                               "out what holds"));
        return finish_now(logged, *parts_.poisoned);
    }
    take_locations(logged, appended);
    parts_.noted_lsn = logged.lsn;
    parts_.noted_segment = appended.segment();
    for (const auto& [key, value] : logged.locals) {
        if (value) {
            parts_.locals[key] = *value;
        } else {
            parts_.locals.erase(key);
        }
    }
    logged.parts_left = logged.parts.size();
    for (Part& part : logged.parts) {
        Region& region = parts_.region(part.region);
        if (part.change_location) parts_.live.add(part.region, *part.change_location);
        if (part.change_location || !region.waiting.empty()) continue;
        // The usual case.
        take_in(region, part);
        part.done = true;
        --logged.parts_left;
    }
    if (logged.parts_left == 0) return finish_now(logged, {});
    durable_.emplace(logged.number, std::move(commit));
    // Each may end the commit, and what it is in.
    const uint64_t number = logged.number;
    for (size_t i = 0; i < logged.parts.size(); ++i) {
        if (logged.parts[i].done) continue;
        Region& region = parts_.region(logged.parts[i].region);
        region.waiting.push_back({&logged, i});
        if (region.waiting.size() == 1) go_on(region);
        if (!durable_.contains(number)) return;
    }
}

void CommitPath::take_locations(PendingCommit& commit, const logengine::Appended& appended) const {
    const std::vector<logengine::RecordLocation> locations = appended.locations();
    size_t next = 0;
    for (Part& part : commit.parts) {
        if (change_of(part.changes)) part.change_location = locations.at(next++);
        const auto begin = locations.begin() + static_cast<ptrdiff_t>(next);
        next += part.changes.entries.size();
        part.entry_locations.assign(begin, locations.begin() + static_cast<ptrdiff_t>(next));
    }
}

void CommitPath::take_in(Region& region, Part& part) {
    const auto forget = [&](const EntryTable::Slot& slot) {
        parts_.live.remove(region.id, slot.location);
    };
    if (part.change_location) {
        parts_.drop_entries(region);
        region.state = {};
        if (part.changes.create) region.state = std::move(*part.changes.create);
        if (part.changes.install) region.state = std::move(part.changes.install->state);
        if (part.changes.destroy)
            region.state.region_state = std::move(part.changes.destroy->region_state);
        region.applied_flushed = region.state.applied;
        region.truncated_flushed = region.state.truncated.index;
        // What was applied meanwhile is no news any more: behind a Region's end, its progress would
        // look like damage to a recovery.
        region.owes_progress = false;
        std::erase(owing_, region.id);
    }
    const std::vector<raft::Entry>& entries = part.changes.entries;
    if (!entries.empty()) region.entries.cut_from(entries.front().index, forget);
    for (size_t i = 0; i < entries.size(); ++i) {
        region.entries.push_back(entries[i].index, {entries[i].term, part.entry_locations[i]});
        parts_.live.add(region.id, part.entry_locations[i]);
        parts_.cache.put(region.id, entries[i]);
    }
    region.log = part.after;
}

void CommitPath::finish_now(PendingCommit& commit, Status status) {
    std::exchange(commit.done, nullptr)(std::move(status));
}

}  // namespace timber::storage
