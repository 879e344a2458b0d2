#pragma once
// Sends snapshots: an offer, then chunks within a window, going on from wherever the receiver says
// it is. What is lost is sent again from the place that was acknowledged last.
//
// Thread:     the loop.
// Lifetime:   the host outlives it. Idle when it is destroyed.
// Invariants: SS1  at most snapshots_sending_max transfers, one to each peer of a Region.
//             SS2  a transfer ends once, and Raft hears how: delivered, or failed.
//             SS3  at most a window's bytes of a transfer are in memory or unacknowledged.
//             SS4  all together send no more than snapshot_bytes_per_second, in the long run.
// Failure:    a file that cannot be read, a refusal, silence: the transfer fails, and Raft asks for
//             another one.
#include <map>
#include <string>

#include "src/base/random.h"
#include "src/raftstore/peer_storage.h"
#include "src/raftstore/snapshot_layout.h"

namespace timber::raftstore {

class SnapshotSender {
  public:
    struct Counts {
        uint64_t sent = 0;
        uint64_t failed = 0;
    };

    SnapshotSender(PeerHost& host, uint64_t seed);

    // False if there is no room for another transfer now.
    bool start(RaftMessage message, SnapshotFilesRef files);
    void receive(StoreId from, const SnapshotAck& ack);
    // Of a Region that has no peer here any more.
    void forget(RegionId region);
    void stop();

    const Counts& counts() const { return counts_; }
    size_t running() const { return transfers_.size(); }

  private:
    struct Transfer {
        TransferId id;
        RaftMessage message;
        SnapshotFilesRef files;
        SnapshotLayout layout;
        bool accepted = false;  // the receiver has answered the offer
        bool reading = false;
        uint64_t acknowledged = 0;
        uint64_t sent = 0;
        Instant progress_at{};  // when it last got on
        Instant resent_at{};
    };
    enum class End : uint8_t { kDelivered, kFailed, kForgotten };

    void offer(Transfer& transfer);
    void pump();
    void read_next(Transfer& transfer);
    void chunk_read(uint64_t number, uint64_t position,
                    Result<std::shared_ptr<std::vector<std::byte>>> data);
    void end(uint64_t number, End how);
    void refill();
    void on_timer();
    void arm(Duration delay);
    Instant now() const;

    PeerHost& host_;
    Random random_;
    std::map<uint64_t, Transfer> transfers_;
    // Bytes that may be sent now; below zero after a chunk that was larger.
    int64_t allowance_ = 0;
    Instant refilled_at_{};
    Timer timer_;
    Counts counts_;
};

}  // namespace timber::raftstore
