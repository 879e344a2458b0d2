#pragma once
// The words of the storage engine: Regions, their progress, the Store's identity, and what a
// snapshot consists of.
//
// Thread:   plain values.
// Limits:   a Region's state is at most kRegionStateBytesMax, a local row kLocalRowBytesMax: both
//           are carried forward by the log from segment to segment.
#include <cstdint>
#include <string>
#include <vector>

#include "memtable/store.h"
#include "raft/raft.h"
#include "src/base/bytes.h"
#include "src/base/strong_id.h"

namespace timber::storage {

// A range of keys and the Raft group that replicates it. 0 is no Region.
using RegionId = StrongId<struct RegionIdTag, uint64_t>;
// One running server. 0 is no Store.
using StoreId = StrongId<struct StoreIdTag, uint64_t>;
using ClusterId = StrongId<struct ClusterIdTag, uint64_t>;
// Drawn at random when a Store is formatted: the same Store on another disk has another one.
using Incarnation = StrongId<struct IncarnationTag, uint64_t>;

inline constexpr size_t kRegionStateBytesMax = 64_KiB;
inline constexpr size_t kLocalRowBytesMax = 4_KiB;

// Who this Store is. Written when it is formatted, and never changed.
struct StoreIdentity {
    ClusterId cluster{};
    StoreId store{};
    Incarnation incarnation{};

    friend bool operator==(const StoreIdentity&, const StoreIdentity&) = default;
};

// The last entry that is not in the Raft log any more; the log begins behind it.
struct TruncatedState {
    raft::LogIndex index{};
    raft::Term term{};

    friend bool operator==(const TruncatedState&, const TruncatedState&) = default;
};

// Everything about a Region that changes by applying entries: it depends on nothing but the entries
// up to `applied`, or the snapshot that brought it.
struct AppliedState {
    raft::LogIndex applied{};
    raft::Term applied_term{};
    TruncatedState truncated{};
    // The Region itself, its state and members, as the owner encodes it. Opaque here.
    std::string region_state{};

    friend bool operator==(const AppliedState&, const AppliedState&) = default;
};

// A Region as the engine knows it.
struct RegionSummary {
    RegionId region{};
    raft::HardState hard_state{};
    raft::LogIndex last_index{};
    raft::Term last_term{};
    AppliedState applied{};
};

// One table file of a snapshot, as it lies in this Store's state store.
struct SnapshotFile {
    memtable::FileNumber number{};
    memtable::Family family = memtable::Family::kDefault;
    memtable::FileId id{};
    uint64_t file_bytes = 0;
    uint64_t file_checksum = 0;

    friend bool operator==(const SnapshotFile&, const SnapshotFile&) = default;
};

// Replaces a Region's state and log.
struct SnapshotInstall {
    // applied and truncated are the snapshot's index and term.
    AppliedState state{};
    // What is replaced: the new range, and whatever the Region's old one covered beyond it.
    memtable::KeyRange range{};
    std::vector<SnapshotFile> files{};
};

}  // namespace timber::storage
