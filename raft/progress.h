#pragma once
// What a leader knows of one member, and how it sends to it.
//
// Probe sends one append and waits; Replicate streams, moving `next` ahead of the answers;
// Snapshot sends nothing until the snapshot is acknowledged, fails, or its time is over.
//
// Thread:     the node's.
// Invariants: P1  match < next.
//             P2  match never goes down within a leadership.
//             P3  only Replicate has appends in flight; only Snapshot has a pending snapshot.
//             P4  in Replicate, all between match and next is in flight. So what a follower was
//                 sent and did not acknowledge is bounded by the window, however long its disk
//                 stands still.
#include "raft/inflights.h"
#include "raft/status.h"
#include "raft/types.h"

namespace timber::raft {

struct Progress {
    NodeId id{};
    bool learner = false;
    bool slow = false;
    LogIndex match{};
    LogIndex next{1};
    ProgressState state = ProgressState::kProbe;
    bool probe_sent = false;         // Probe: waits for an answer
    bool recently_active = false;    // answered since the last check of the quorum
    bool waits_for_storage = false;  // what comes next for it cannot be read now
    LogIndex pending_snapshot{};
    uint32_t snapshot_ticks_left = 0;
    bool snapshot_failed = false;
    LogIndex commit_sent{};   // the highest commit that an append told it
    LogIndex commit_known{};  // the highest commit that it told of
    uint64_t round_acked = 0;
    uint64_t round_promised = 0;  // the highest that it answered with a promise
    Inflights inflights{};

    // Whether nothing may be sent for now. A slow member gets one append at a time.
    bool paused() const;

    void become_probe();
    void become_replicate();
    void become_snapshot(LogIndex index, uint32_t retry_ticks);

    // Everything up to `index` is durable there. True if that is news.
    bool acknowledge(LogIndex index);
    // It refused an append after `rejected`; the logs may agree at `hint`. True if the refusal
    // answers what was sent last, and not something older.
    bool reject(LogIndex rejected, LogIndex hint);
    // An append with entries up to `last` goes out; `bytes` 0 if it has none.
    void sent(LogIndex last, uint64_t entries, size_t bytes);

    // One tick passed. True if the snapshot was given up, and the follower is probed again.
    bool tick_snapshot();
    void report_snapshot_alive(uint32_t retry_ticks);
    void report_snapshot_failed(uint32_t retry_ticks);

    ProgressStatus status() const;
    void check_invariants() const;
};

}  // namespace timber::raft
