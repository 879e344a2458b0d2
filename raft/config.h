#pragma once
// What a node is told when it starts. Every limit of the core has its name here.
//
// Failure: validate() names the field that is wrong, and what would be right.
#include <cstdint>

#include "raft/types.h"
#include "src/base/bytes.h"

namespace timber::raft {

struct Config {
    // Who this node is; not 0, and never another node's.
    NodeId id{};
    // The last index whose effects the state machine held when it stopped. It stands for a commit
    // index of at least as much, also where the stored hard state is behind.
    LogIndex applied{};
    // Seeds the election jitter, and the numbers of forwarded reads. Another one for each node and
    // for each start of a node: with equal jitter nodes time out in the same tick for ever, and
    // with equal numbers a late answer from before a restart would answer a read made after it.
    uint64_t seed = 1;

    // A follower that heard nothing for `election_ticks` to twice that, drawn anew each time,
    // campaigns. A leader speaks every `heartbeat_ticks`.
    uint32_t election_ticks = 10;
    uint32_t heartbeat_ticks = 1;
    // Ask before raising the term (dissertation, section 9.6).
    bool pre_vote = true;
    // A leader that a majority did not answer for `election_ticks` steps down, and whoever heard
    // from a leader within that time grants nobody a vote (sections 6.2 and 4.2.3).
    bool check_quorum = true;

    // One append message; one entry is always sent, however large.
    size_t message_bytes_max = 1_MiB;
    uint32_t message_entries_max = 4096;
    // Where off, a follower hears that something was committed with the next entries or heartbeat,
    // not in a message of its own: half as many messages for a single client's writes. A change of
    // membership is told at once all the same: the removed node hears nothing later.
    bool commits_told_at_once = true;
    // Appends to one follower that are not answered yet.
    uint32_t inflight_messages_max = 256;
    size_t inflight_bytes_max = 64_MiB;
    // Committed entries in one Ready, and handed over but not yet applied.
    size_t committed_page_bytes_max = 4_MiB;
    size_t applying_bytes_max = 16_MiB;
    // Proposed by this leader and not handed over yet. One entry is accepted while nothing is.
    size_t uncommitted_bytes_max = 64_MiB;
    size_t entry_bytes_max = 64_MiB;
    // Entries that are durable stay in memory up to this, to be sent and applied without a read.
    size_t log_cache_bytes_max = 4_MiB;
    // Entries in one Write; one entry is always given out, however large.
    size_t write_bytes_max = 16_MiB;
    // Writes given out and not reported durable; more wait inside the core, and merge.
    uint32_t writes_in_flight_max = 64;
    // Reads that wait for a quorum or for the leader's answer.
    uint32_t reads_max = 65536;
    // A snapshot that was neither acknowledged nor reported on for so long is sent again.
    uint32_t snapshot_retry_ticks = 100;

    // Lease reads. Where on, `check_quorum` must be on, observe_time() must be fed as it asks, and
    // no node's clock may run faster or slower than true time by more than
    // `clock_drift_per_mille_max`. Ticks may be irregular: promises are kept by the clock too.
    // A running group may switch them on node by node. Before a node switches them off, no leader
    // may serve lease reads any more: it would forget the promise of its life before.
    bool lease_reads = false;
    uint64_t tick_us = 0;
    uint32_t clock_drift_per_mille_max = 0;

    // Says which field is out of its range, and what the range is.
    Result<void> validate() const;

    // How long, on its own clock, a node keeps its promise to vote for nobody else after it heard
    // from a leader: `election_ticks` of `tick_us`.
    uint64_t promise_us() const { return election_ticks * tick_us; }
    // How long, on the leader's clock and from the send time of a round that a majority answered,
    // all those promises hold: theirs may be measured on fast clocks, the leader's on a slow one.
    uint64_t lease_us() const;
};

}  // namespace timber::raft
