#pragma once
// What is to be made durable together, for any number of Regions: all of it survives a crash, or
// none of it. It takes the place of the two write batches, one for the log and one for the state,
// that stores on top of a foreign key-value store need.
//
// Effects of committed entries are not put in here: the entries are in the log already. The engine
// adds by itself how far each Region has applied.
//
// Thread:     one at a time.
// Lifetime:   entries share their payloads, nothing is copied until the batch is committed.
// Invariants: B1  a Region's operations take effect in the order of install, entries, hard state.
//             B2  a Region's entries are consecutive, and follow on what its log holds or replace
//                 everything from the first one's index on.
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/storage/types.h"

namespace timber::storage {

class WriteBatch {
  public:
    // A new Region whose state comes from nowhere else (bootstrap; a peer that a message made,
    // whose log is empty). Fails the commit if there is one that is not destroyed.
    void create_region(RegionId region, AppliedState state, raft::HardState hard_state);
    // Replaces state and log by a snapshot.
    void install_snapshot(RegionId region, SnapshotInstall install);
    // Supersedes everything at and above the first one's index.
    void append(RegionId region, std::span<const raft::Entry> entries);
    void set_hard_state(RegionId region, const raft::HardState& hard_state);
    // Removes log and hard state, and the data of `range`; `region_state` (a tombstone) remains.
    void destroy_region(RegionId region, memtable::KeyRange range, std::string region_state);

    // Rows of the Store's own, outside of any Region: small, few, in memory as well.
    void put_local(uint64_t key, std::string value);
    void remove_local(uint64_t key);

    bool empty() const { return regions_.empty() && locals_.empty(); }
    // What it takes in the log, about.
    size_t bytes() const { return bytes_; }

  private:
    friend class WriteBatchAccess;

    struct Destroy {
        memtable::KeyRange range;
        std::string region_state;
    };
    struct RegionChanges {
        std::optional<AppliedState> create{};
        std::optional<SnapshotInstall> install{};
        std::vector<raft::Entry> entries{};
        std::optional<raft::HardState> hard_state{};
        std::optional<Destroy> destroy{};
    };
    RegionChanges& changes(RegionId region);

    std::map<RegionId, RegionChanges> regions_;
    std::map<uint64_t, std::optional<std::string>> locals_;
    size_t bytes_ = 0;
};

// The engine's view of a batch.
class WriteBatchAccess {
  public:
    using RegionChanges = WriteBatch::RegionChanges;
    static std::map<RegionId, RegionChanges>& regions(WriteBatch& batch) { return batch.regions_; }
    static std::map<uint64_t, std::optional<std::string>>& locals(WriteBatch& batch) {
        return batch.locals_;
    }
};

}  // namespace timber::storage
