#pragma once
// Receives snapshots: chunks go, in order, into files of the state store's directory whose places
// it reserved; what comes early waits within the window. A file whose bytes are all there is
// compared with the manifest's checksum; when all are, the Raft message is handed to the Region
// together with the files.
//
// Thread:     the loop; files are written in jobs.
// Lifetime:   the host outlives it. Idle when it is destroyed.
// Invariants: SR1  at most snapshots_receiving_max transfers, one for each Region.
//             SR2  of a transfer at most a window is in memory.
//             SR3  a reserved file is handed on, or discarded, once.
//             SR4  nothing is handed on that was not compared with its checksum.
// Failure:    no room on the disk, a wrong checksum, silence: the files are discarded, and the
// sender
//             is told, as far as it can be reached.
#include <deque>
#include <functional>
#include <map>
#include <string>

#include "src/base/checksum.h"
#include "src/raftstore/peer.h"
#include "src/raftstore/snapshot_layout.h"

namespace timber::raftstore {

class SnapshotReceiver {
  public:
    struct Counts {
        uint64_t received = 0;
        uint64_t failed = 0;
    };
    // Why the Region does not want this snapshot; nothing if it does.
    using Refuse = std::function<std::optional<std::string>(const RaftMessage& message,
                                                            const SnapshotManifest& manifest)>;
    // Hands it to the Region; false if Raft had no use for it.
    using Deliver = std::function<bool(RaftMessage message, ReceivedSnapshot received)>;

    SnapshotReceiver(PeerHost& host, Refuse refuse, Deliver deliver);

    void receive(StoreId from, SnapshotOffer offer);
    void receive(StoreId from, SnapshotChunk chunk);
    // Ends all transfers. Jobs under way end later.
    void stop();

    const Counts& counts() const { return counts_; }
    size_t running() const { return transfers_.size(); }

  private:
    struct Transfer {
        TransferId id;
        RaftMessage message;
        SnapshotManifest manifest;
        SnapshotLayout layout;
        std::vector<memtable::Store::ReservedFile> files;
        // Written, and in the checksum of the file that it lies in.
        uint64_t position = 0;
        Checksum64 checksum{};
        std::map<uint64_t, raft::Payload> early;
        size_t early_bytes = 0;
        bool writing = false;
        bool ended = false;  // while a job still writes
        Instant heard_at{};
    };
    using TransferMap = std::map<TransferId, Transfer>;

    void begin(SnapshotOffer offer, SnapshotManifest manifest);
    bool make_room_for(RegionId region);
    void write_next(Transfer& transfer);
    void written(const TransferId& id, uint64_t bytes, Checksum64 checksum, Status status);
    void complete(Transfer& transfer);
    void acknowledge(const Transfer& transfer, SnapshotAck::State state, std::string reason = {});
    void refuse(StoreId from, const std::string& address, const TransferId& id, std::string reason);
    void fail(Transfer& transfer, const std::string& reason);
    void discard(Transfer& transfer);
    void erase(const TransferId& id);
    void on_timer();
    Instant now() const;

    PeerHost& host_;
    const Refuse refuse_;
    const Deliver deliver_;
    TransferMap transfers_;
    // The last ones that were done, for senders that did not hear it.
    std::deque<TransferId> done_;
    Timer timer_;
    Counts counts_;
};

}  // namespace timber::raftstore
