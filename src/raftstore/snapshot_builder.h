#pragma once
// Makes snapshots of Regions in the background: a moment of the state store, exported into table
// files of their own, and a manifest of them.
//
// The snapshot's index is the one that the state had applied at that moment, and its members are
// those of that index; both are taken on the loop together with the moment.
//
// Thread:     the loop.
// Lifetime:   the host outlives it. Idle when it is destroyed.
// Invariants: SB1  at most kBuildsMax exports run; further Regions wait in the order of their
// asking.
//             SB2  files of a snapshot that nobody wants any more are removed.
#include <deque>
#include <string>

#include "src/raftstore/peer_storage.h"

namespace timber::raftstore {

class SnapshotBuilder {
  public:
    static constexpr size_t kBuildsMax = 2;

    // `directory` exists; files of earlier lives are gone from it.
    SnapshotBuilder(PeerHost& host, std::string directory)
        : host_(host), directory_(std::move(directory)) {}

    void want(RegionId region);
    // Nothing new is started.
    void stop() { stopped_ = true; }
    bool idle() const { return running_ == 0; }

  private:
    struct Build {
        RegionId region{};
        PeerId peer{};
        storage::AppliedState state;
        Region described{};
    };

    void start_some();
    void start(RegionId region);
    void ended(const Build& build, Result<std::vector<memtable::ExportedFile>> files);

    PeerHost& host_;
    const std::string directory_;
    std::deque<RegionId> waiting_;
    size_t running_ = 0;
    uint64_t last_number_ = 0;
    bool stopped_ = false;
};

}  // namespace timber::raftstore
