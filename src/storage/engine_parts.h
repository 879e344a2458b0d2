#pragma once
// What the parts of the storage engine share.
//
// Thread:     the loop.
// Lifetime:   made before the log and the store are opened, and destroyed after they are closed.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "src/storage/entry_cache.h"
#include "src/storage/live_records.h"
#include "src/storage/region.h"
#include "src/storage/storage_engine.h"

namespace timber::storage {

// Local rows have no Region; their records are carried forward and never counted as live.
struct EngineParts {
    EngineParts(StorageEngine::Environment environment_, const EngineOptions& options_,
                Applier& applier_, EngineListener& listener_)
        : environment(environment_),
          options(options_),
          applier(applier_),
          listener(listener_),
          cache(options_.entry_cache_bytes) {}

    const StorageEngine::Environment environment;
    const EngineOptions options;
    Applier& applier;
    EngineListener& listener;

    std::unique_ptr<logengine::LogEngine> log;
    std::unique_ptr<memtable::Store> store;

    RegionMap regions;
    std::map<uint64_t, std::string> locals;
    StoreIdentity identity;
    EngineReport report;

    LiveRecords live;
    EntryCache cache;
    // Of the last batch that was taken in here: the log may know of later ones.
    logengine::Lsn noted_lsn;
    logengine::SegmentId noted_segment;

    // Why nothing goes on any more.
    std::optional<Error> poisoned;
    bool closing = false;
    // A commit was refused after it had been accepted.
    bool refused_no_space = false;

    uint64_t commits = 0;
    uint64_t entries_rewritten = 0;
    uint64_t entries_read = 0;
    uint64_t forced_flushes = 0;
    uint64_t compactions_wanted = 0;

    // The first failure that is final; tells the owner, later.
    void fail(Error error);
    // For a Region in the map, and its row.
    Region& region(RegionId id) { return regions.at(id); }
    static RegionRow row_of(const Region& region, const AppliedState& state) {
        return {region.log.change, !region.log.alive, state};
    }
    // Drops the entries that neither Raft nor a recovery needs.
    void drop_unneeded(Region& region);
    // Drops all of them.
    void drop_entries(Region& region);
    // Raises `error` to what a caller gets from a failed log or store.
    Error as_poisoned(const Error& error) const;
    // E1, E4, E6.
    void check_invariants() const;
};

}  // namespace timber::storage
