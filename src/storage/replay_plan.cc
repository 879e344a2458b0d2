// What a recovery has to do, and whether log and state store can both be right.
#include <algorithm>
#include <set>
#include <utility>

#include "src/base/io/disk.h"
#include "src/storage/replay.h"

namespace timber::storage {

Error Replay::corrupted(RegionId region, const char* what) const {
    return file_error(ErrorCode::kCorrupted, log_directory(parts_.options),
                      "Region " + std::to_string(region.value()) + ": " + what +
                          "; restore this replica from its peers");
}

Status Replay::build() {
    std::set<RegionId> ids;
    for (const auto& [id, row] : recovered_.rows) ids.insert(id);
    for (const auto& [id, logged] : recovered_.log.regions()) ids.insert(id);
    for (const RegionId id : ids) {
        const auto logged = recovered_.log.regions().find(id);
        const auto row = recovered_.rows.find(id);
        TIMBER_CHECK(
            build_region(id, logged == recovered_.log.regions().end() ? nullptr : &logged->second,
                         row == recovered_.rows.end() ? nullptr : &row->second));
    }
    parts_.locals = std::move(recovered_.log.locals());
    parts_.noted_lsn = recovered_.log.last_lsn();
    parts_.noted_segment = recovered_.log.last_segment();
    return {};
}

const RecoveredChange* Replay::last_change(RegionId id) const {
    const auto& changes = recovered_.log.changes();
    for (auto each = changes.rbegin(); each != changes.rend(); ++each)
        if (each->region == id) return &*each;
    return nullptr;
}

// The Region's newest change, which must be in the store already, or in the log.
Result<ChangeNumber> Replay::change_of(RegionId id, const RecoveredRegion* logged,
                                       const RegionRow* row) const {
    const ChangeNumber stored = row != nullptr ? row->change : ChangeNumber();
    const RecoveredChange* last = logged != nullptr ? last_change(id) : nullptr;
    if (logged != nullptr && logged->progress) {
        const ChangeNumber change = logged->progress->change;
        if (change < stored) return corrupted(id, "the state is ahead of the log");
        if (change == stored && row->destroyed)
            return corrupted(id, "it is destroyed, and the log goes on with it");
        if (change > stored && (last == nullptr || last->number != change))
            return corrupted(id, "the log has lost a change that the state has not seen");
        return change;
    }
    // Without progress it is no more.
    if (last != nullptr && last->number > stored) {
        if (!std::holds_alternative<RegionDestroyed>(last->change))
            return corrupted(id, "the log has lost its progress");
        return last->number;
    }
    if (row == nullptr || !row->destroyed) return corrupted(id, "the log has lost its progress");
    return stored;
}

Status Replay::build_region(RegionId id, RecoveredRegion* logged, const RegionRow* row) {
    TIMBER_TRY(const ChangeNumber change, change_of(id, logged, row));
    Region& region = parts_.regions.try_emplace(id, id).first->second;
    if (row != nullptr) region.state = row->state;
    region.applied_flushed = region.state.applied;
    region.truncated_flushed = region.state.truncated.index;
    region.log.change = change;
    if (logged == nullptr || !logged->progress) {
        region.accepted = region.log;
        return {};
    }
    const RegionProgress& progress = *logged->progress;
    AppliedState base = region.state;
    if (row == nullptr || row->change < change) {
        const RecoveredChange& last = *last_change(id);
        if (const auto* created = std::get_if<RegionCreated>(&last.change)) {
            base = created->state;
        } else if (const auto* install = std::get_if<SnapshotInstall>(&last.change)) {
            base = install->state;
        } else {
            return corrupted(id, "its end is followed by its progress");
        }
    }
    region.log.alive = true;
    region.log.hard_state = progress.hard_state;
    region.log.last_index = progress.last_index;
    region.log.last_term = progress.last_term;
    region.log.applied_first = base.applied;
    const raft::LogIndex target = std::max(progress.applied, base.applied);
    region.log.hard_state.commit = std::max(progress.hard_state.commit, target);
    if (region.log.hard_state.commit > progress.last_index)
        return corrupted(id, "more is applied or committed than its log holds");  // E1
    TIMBER_CHECK(take_entries(region, *logged, base));
    if (target > base.applied) tasks_.push_back({id, target});
    // What the store applied behind the log's back is news to the log.
    region.accepted = region.log;
    if (target > progress.applied) commits_.owes_progress(region);
    return {};
}

// All behind the truncated index that the state store, or the change to come, has.
Status Replay::take_entries(Region& region, RecoveredRegion& logged, const AppliedState& base) {
    const RecoveredEntries& entries = logged.entries;
    const raft::LogIndex last = region.log.last_index;
    if (!entries.empty() && entries.last() > last)
        return corrupted(region.id, "its log reaches further than its progress");
    raft::LogIndex first = last + 1;
    while (first - 1 > base.truncated.index && entries.find(first - 1) != nullptr) --first;
    if (first > base.truncated.index + 1)
        return corrupted(region.id, "entries are missing that Raft or recovery needs");
    for (raft::LogIndex index = first; index <= last; ++index) {
        const RecoveredEntry& entry = entries.at(index);
        if (index > first && entry.term < region.entries.at(index - 1).term)
            return corrupted(region.id, "terms go down along its log");
        region.entries.push_back(index, {entry.term, entry.location});
        parts_.live.add(region.id, entry.location);
        if (entry.kept) parts_.cache.put(region.id, *entry.kept);
    }
    if (!region.entries.empty() && region.entries.at(last).term != region.log.last_term)
        return corrupted(region.id, "its last entry has another term than its progress says");
    if (region.entries.holds(base.applied) &&
        region.entries.at(base.applied).term != base.applied_term)
        return corrupted(region.id, "the applied entry has another term in the log");
    return {};
}

// When everything is applied.
Status Replay::check_region(const Region& region) const {
    if (region.log.alive && region.state.applied > region.log.last_index)
        return corrupted(region.id, "more is applied than its log holds");  // E1
    return {};
}

}  // namespace timber::storage
