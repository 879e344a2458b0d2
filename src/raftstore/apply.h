#pragma once
// What a committed entry does to a Region: one pure function for the running Store and for
// recovery.
//
// It depends on nothing but the entry and the Region's state as of the entry before, so that every
// replica, and every life of it, comes to the same. An entry that no longer fits the Region (it was
// proposed for another epoch) does nothing at all, everywhere.
//
// Thread:     plain functions; RegionApplier is called on one thread at a time.
// Failure:    an entry that cannot be understood gives kCorrupted or kNewerFormat, and nothing was
//             changed: the Store stops, because skipping it would make replicas differ.
#include <optional>

#include "src/raftstore/command.h"
#include "src/raftstore/region.h"
#include "src/storage/storage_engine.h"

namespace timber::raftstore {

// What became of an entry.
enum class AppliedKind : uint8_t {
    kNothing,     // the entry that opens a term
    kWritten,     // its operations are in `effects`
    kCompacted,   // the truncated state moved, or was there already
    kMembership,  // the Region's members changed
    // It did nothing, for the reason given:
    kEpochNotMatch,
    kKeyNotInRegion,
    kBadChange,
};
constexpr bool is_refused(AppliedKind kind) { return kind >= AppliedKind::kEpochNotMatch; }

// What a membership change makes of a Region, its epoch included; nothing if it does not fit: it
// adds who is there, or a second peer on one Store, or removes who is not.
std::optional<Region> changed_region(const Region& region, const raft::ConfChange& change,
                                     const PeerMeta& peer);

Result<AppliedKind> apply_entry(const raft::Entry& entry, RegionLocalState& local,
                                storage::TruncatedState& truncated, memtable::WriteBatch& effects);

// The same for the storage engine's recovery.
class RegionApplier final : public storage::Applier {
  public:
    Status apply(RegionId region, const raft::Entry& entry, storage::AppliedState& state,
                 memtable::WriteBatch& effects) override;

  private:
    // The last state that was decoded: recovery applies many entries of one Region in a row.
    std::string decoded_from_;
    RegionLocalState decoded_;
};

}  // namespace timber::raftstore
