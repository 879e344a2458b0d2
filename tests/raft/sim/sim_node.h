#pragma once
// One simulated server: a RawNode, its disk, its clock and its state machine.
//
// The disk does writes in order; a write becomes durable some time before that is reported, and a
// crash keeps what is durable and any first part of what is on its way. The state machine keeps
// what was applied up to some point, at least up to where the log was compacted.
#include <deque>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "raft/memory_storage.h"
#include "raft/raft.h"
#include "tests/raft/sim/sim_oracle.h"
#include "tests/raft/sim/sim_profile.h"

namespace timber::raft::sim {

// MemoryStorage with the membership as of the applied index, not of the snapshot. It may not answer
// for a while.
class SimStorage : public MemoryStorage {
  public:
    using MemoryStorage::MemoryStorage;
    InitialState initial_state() const override { return {hard_state(), conf}; }
    Result<Term> term(LogIndex index) const override;
    Result<std::vector<Entry>> entries(LogIndex low, LogIndex high,
                                       size_t bytes_max) const override;
    ConfState conf;
    bool unreadable = false;
};

// Checkers read a storage also while it does not answer to its node.
class ReadableMeanwhile {
  public:
    explicit ReadableMeanwhile(SimStorage& storage)
        : storage_(storage), unreadable_(std::exchange(storage.unreadable, false)) {}
    ~ReadableMeanwhile() { storage_.unreadable = unreadable_; }
    ReadableMeanwhile(const ReadableMeanwhile&) = delete;
    ReadableMeanwhile& operator=(const ReadableMeanwhile&) = delete;

  private:
    SimStorage& storage_;
    const bool unreadable_;
};

struct PendingWrite {
    Write write;
    bool durable = false;
};

struct OpenWrite {
    Term term;
    LogIndex floor;
};

struct OpenRead {
    ReadId id;
    LogIndex floor;
    uint64_t asked_at_tick = 0;
    bool confirmed = false;
    LogIndex index{};
};

struct OpenLeaseRead {
    LeaseRead read;
    LogIndex floor;
    LogIndex seen;  // the applied index that the read looked at
    bool done = false;
};

struct SimNode {
    NodeId id{};
    uint64_t life = 0;
    bool up = false;
    bool gone = false;  // it was removed, and its disk is wiped
    uint64_t paused_until_us = 0;
    int64_t drift_per_mille = 0;
    uint64_t clock_offset_us = 0;
    bool leases_on = false;
    uint64_t ticks = 0;  // of this life

    SimStorage durable;
    SimStorage view;  // what the node reads
    std::deque<PendingWrite> writes;
    std::deque<OnceDurable> held;
    uint64_t disk_busy_until_us = 0;
    std::optional<RawNode> raft;

    std::deque<Entry> apply_queue;
    LogIndex handed{};
    LogIndex applied{};
    uint64_t apply_stalled_until_us = 0;
    LogIndex applied_floor{};             // what a crash leaves of it at least
    std::map<LogIndex, ConfState> confs;  // in force from that index on

    std::map<LogIndex, OpenWrite> open_writes;
    // C13: what was proposed in this life and has not ended, and whether the end of the leadership
    // was told.
    std::map<std::pair<LogIndex, Term>, bool> proposals;
    std::vector<OpenRead> open_reads;
    std::vector<OpenLeaseRead> open_lease_reads;

    // For C9, C10, C3: how it was when last looked at.
    HardState seen_hard{};
    Role seen_role = Role::kFollower;
    LogIndex seen_applied{};
    LogIndex seen_last{};
    std::map<NodeId, LogIndex> seen_match;
    // C11: requests for votes that this node may grant: asker, term, and whether a pre-vote.
    std::map<std::tuple<NodeId, Term, bool>, bool> may_grant;

    BootTimeUs clock(uint64_t now_us) const {
        const auto rate = static_cast<uint64_t>(1000 + drift_per_mille);
        return BootTimeUs(clock_offset_us + now_us * rate / 1000);
    }
    ConfState conf_at(LogIndex index) const;
    bool has_writes_in_flight() const;
    bool works(uint64_t now_us) const { return up && paused_until_us <= now_us; }

    // One line for a person.
    std::string describe() const;

    // The disk finishes its oldest write that is not durable. True if it cut the log.
    void disk_step();
    // Loses what is not durable; `kept` of the writes on their way survive.
    void crash(size_t kept);
    // C6: the message may leave.
    void check_promise(const Message& message) const;
    // C7.
    void check_belief(const NodeStatus& status) const;
    // C13.
    void note_fate(const ProposalNotice& notice);
    void check_ends(const NodeStatus& status) const;
};

}  // namespace timber::raft::sim
