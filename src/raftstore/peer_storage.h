#pragma once
// The Raft core's view of the storage engine: one Region's log, and the Region's state as of its
// applied index.
//
// Thread:     the loop.
// Lifetime:   host and engine outlive it.
// Invariants: PS1  truncated.index <= applied, and neither goes down but by an install.
//             PS2  a snapshot that is given out reaches the truncated index, and knows the members
//                  as they are now: a newcomer finds itself in it.
#include <memory>
#include <optional>

#include "raft/raft.h"
#include "src/raftstore/peer_host.h"
#include "src/raftstore/region.h"

namespace timber::raftstore {

// The files of one snapshot on this Store's disk; removed with the last owner (the Region's
// storage, and transfers that read them).
class SnapshotFiles {
  public:
    SnapshotFiles(PeerHost& host, std::vector<std::string> paths)
        : host_(host), paths_(std::move(paths)) {}
    ~SnapshotFiles() { host_.remove_files(std::move(paths_)); }
    SnapshotFiles(const SnapshotFiles&) = delete;
    SnapshotFiles& operator=(const SnapshotFiles&) = delete;

    // In the order of the manifest.
    const std::vector<std::string>& paths() const { return paths_; }

  private:
    PeerHost& host_;
    std::vector<std::string> paths_;
};
using SnapshotFilesRef = std::shared_ptr<const SnapshotFiles>;

struct OwnSnapshot {
    raft::SnapshotPointer snapshot;
    SnapshotFilesRef files;
    uint64_t conf_ver = 0;
    uint64_t used_at_tick = 0;
};

class PeerStorage final : public raft::Storage {
  public:
    PeerStorage(PeerHost& host, storage::AppliedState applied, RegionLocalState local);

    // raft::Storage
    raft::InitialState initial_state() const override;
    raft::LogIndex first_index() const override { return applied_.truncated.index + 1; }
    raft::LogIndex last_index() const override;
    Result<raft::Term> term(raft::LogIndex index) const override;
    Result<std::vector<raft::Entry>> entries(raft::LogIndex low, raft::LogIndex high,
                                             size_t bytes_max) const override;
    Result<raft::SnapshotPointer> snapshot() const override;

    const storage::AppliedState& applied() const { return applied_; }
    const RegionLocalState& local() const { return local_; }
    const Region& region() const { return local_.region; }
    // The engine holds this state now.
    void set_state(storage::AppliedState applied, RegionLocalState local);

    // What want_snapshot() led to; nothing if it failed, and then it is asked for again later.
    void snapshot_made(std::optional<OwnSnapshot> made);
    // The files of the snapshot at `index`, if it is the newest one here.
    SnapshotFilesRef snapshot_files(raft::LogIndex index) const;
    bool has_snapshot() const { return snapshot_.has_value(); }
    // Lets go of a snapshot that is of no use any more, or that nobody used for so many ticks.
    void drop_idle_snapshot(uint64_t ticks_max);

    void check_invariants() const;

  private:
    bool usable(const OwnSnapshot& snapshot) const;

    PeerHost& host_;
    storage::AppliedState applied_;
    RegionLocalState local_;
    mutable std::optional<OwnSnapshot> snapshot_;
    mutable bool snapshot_wanted_ = false;
};

}  // namespace timber::raftstore
