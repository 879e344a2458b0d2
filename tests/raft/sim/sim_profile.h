#pragma once
// What one run does to its cluster: every weight is drawn from the seed, and some kinds of fault
// are switched off altogether, so that each kind is also met without the noise of the others.
#include <array>
#include <cstdint>
#include <string_view>

#include "src/base/random.h"

namespace timber::raft::sim {

// Kinds of fault. Each is counted in how many runs it was active.
enum class Fault : uint8_t {
    kDrop,
    kDuplicate,
    kDelay,
    kPartition,
    kOneWay,
    kCrash,
    kSlowDisk,
    kPause,
    kDrift,
    kMembership,
    kTransfer,
    kCompaction,
    kReports,
    kLateDriver,
    kUnreadable,  // a storage does not answer for a while
    kSlowApply,   // a state machine stands still for a while
    kCount
};
inline constexpr size_t kFaultCount = static_cast<size_t>(Fault::kCount);
inline constexpr std::array<std::string_view, kFaultCount> kFaultNames = {
    "drop",      "duplicate",   "delay",      "partition",  "one_way",  "crash",
    "slow_disk", "pause",       "drift",      "membership", "transfer", "compaction",
    "reports",   "late_driver", "unreadable", "slow_apply"};

inline constexpr uint64_t kTickUs = 1000;
inline constexpr uint32_t kElectionTicks = 6;
inline constexpr uint64_t kDriftPerMilleMax = 50;

struct Profile {
    std::array<bool, kFaultCount> active{};
    uint32_t voters = 3;
    uint32_t nodes = 3;  // voters, learners and spare ones
    bool leases = false;
    bool mixed_leases = false;  // some nodes have them on, and some off
    bool pre_vote = true;
    bool check_quorum = true;
    bool view_at_issue = false;  // the storage shows writes when they are given out
    bool tiny_limits = false;
    // Cuts each new leader off at once, together with one node whose disk is slow: leaders follow
    // on each other whose first entries nobody else has, as in figure 8 of the paper.
    bool cut_new_leaders = false;
    uint32_t drop_percent = 0;
    uint32_t duplicate_percent = 0;
    bool plots = false;           // short stories around a leader and its lease
    bool member_plots = false;    // one member comes and goes, and snapshots pass that
    uint64_t delay_us_max = 200;  // of the slowest link; each has its own
    uint64_t disk_us_max = 150;
    uint32_t disk_stall_percent = 0;
    uint64_t disk_stall_us_max = 1;
    uint64_t fault_gap_us = 5000;
    uint64_t client_gap_us = 700;

    bool has(Fault fault) const { return active[static_cast<size_t>(fault)]; }
    static Profile draw(Random& random);
};

}  // namespace timber::raft::sim
