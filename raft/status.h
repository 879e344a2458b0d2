#pragma once
// How a node stands, for operators and tests. A copy: reading it later changes nothing.
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "raft/ready.h"
#include "raft/types.h"

namespace timber::raft {

// How the leader sends to a follower.
enum class ProgressState : uint8_t {
    kProbe,      // one append at a time, until it is known where the logs agree
    kReplicate,  // a stream of appends, within the limits on what is in flight
    kSnapshot,   // a snapshot is on its way, no appends
};
std::string_view to_string(ProgressState state);

struct ProgressStatus {
    NodeId id{};
    bool learner = false;
    LogIndex match{};  // durable there, as far as known; the leader's own too
    LogIndex next{};   // the next entry to send
    ProgressState state = ProgressState::kProbe;
    bool paused = false;  // waits for an answer before it sends more
    bool recently_active = false;
    bool slow = false;            // report_slow() said so
    LogIndex pending_snapshot{};  // 0 if none
    uint32_t inflight_messages = 0;
    size_t inflight_bytes = 0;
};

struct NodeStatus {
    NodeId id{};
    SoftState soft{};
    HardState hard{};  // as in memory; what is durable may be behind
    ConfState conf{};
    LogIndex first_index{};
    LogIndex last_index{};
    Term last_term{};
    LogIndex durable_index{};  // of the log as it is now
    LogIndex handed_over{};    // the last entry given out as committed
    LogIndex applied{};
    LogIndex pending_snapshot{};  // being installed here; 0 if none
    WriteNumber last_write{};     // given out
    WriteNumber last_durable_write{};
    NodeId transferee{};   // leadership is being handed to; 0 if to nobody
    bool leaving = false;  // a leader that is no member any more and sees the others off
    // A leader's: nobody can be elected any more who does not know of its membership, so nodes that
    // are not in `conf` are needed no longer. Comes with the first entry proposed after a change.
    bool membership_settled = false;
    bool lease_promise = false;  // this node grants nobody a vote for now
    size_t uncommitted_bytes = 0;
    size_t reads_open = 0;
    uint32_t election_elapsed_ticks = 0;
    uint32_t election_timeout_ticks = 0;
    uint64_t messages_ignored = 0;  // nonsense, or from a stranger where only members may speak
    std::vector<ProgressStatus> progress{};  // of a leader; sorted by id
};

}  // namespace timber::raft
