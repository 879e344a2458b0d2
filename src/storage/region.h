#pragma once
// What the engine holds of one Region in memory.
//
// A commit is accepted, then durable. What is accepted (`accepted`) is what the next commit builds
// on; what is durable is what everybody sees. A commit that the log refuses takes all later ones of
// its Region with it, so that what is accepted falls back to what the one before it left. The log
// may refuse one while earlier ones are still on their way to the disk.
//
// Thread:   the loop.
#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>

#include "src/storage/entry_table.h"
#include "src/storage/record_format.h"
#include "src/storage/types.h"

namespace timber::storage {

struct PendingCommit;

// What a commit leaves behind of a Region.
struct RegionLog {
    ChangeNumber change;
    bool alive = false;  // created, and not destroyed
    raft::HardState hard_state;
    raft::LogIndex last_index;
    raft::Term last_term;
    // What the change brought: nothing below is ever applied again.
    raft::LogIndex applied_first;
};

struct Region {
    explicit Region(RegionId region) : id(region) {}

    const RegionId id;

    // Durable.
    RegionLog log;
    EntryTable entries;
    // In the state store: the effects of the entries up to `state.applied`, and no others.
    AppliedState state;
    // How much of that is in its files, for as long as `log.change` stays.
    raft::LogIndex applied_flushed;
    // And the truncated index that they hold. What lies behind the one in memory only is needed: a
    // crash may take back the entry that truncated the log, and then Raft needs what it gave up.
    raft::LogIndex truncated_flushed;

    // Accepted.
    RegionLog accepted;
    struct InFlight {
        uint64_t commit;  // its number
        bool urgent;
        RegionLog after;
        bool doomed = false;  // it builds on one that was refused
    };
    std::deque<InFlight> in_flight;  // in the order of the commits
    // Where the commits in flight may replace entries, the lowest index; kLogIndexMax if nowhere.
    raft::LogIndex replaced_from = raft::kLogIndexMax;
    // Applied further than the log knows.
    bool owes_progress = false;

    // Commits that are durable and wait for a change by value before them, oldest first.
    struct Waiting {
        PendingCommit* commit;
        size_t part;
    };
    std::deque<Waiting> waiting;

    bool normal_in_flight() const {
        return std::ranges::any_of(in_flight, [](const InFlight& each) { return !each.urgent; });
    }
    RegionSummary summary() const {
        return {id, log.hard_state, log.last_index, log.last_term, state};
    }
};

using RegionMap = std::map<RegionId, Region>;

// What a progress record tells of a Region. Committed is what is applied, whatever Raft has written
// down: with two batches in flight, the state store's flush may overtake the commit index.
inline RegionProgress progress_of(const RegionLog& log, raft::LogIndex applied) {
    RegionProgress progress{log.change, log.hard_state, log.last_index, log.last_term, applied};
    progress.hard_state.commit = std::max(progress.hard_state.commit, applied);
    return progress;
}

}  // namespace timber::storage
