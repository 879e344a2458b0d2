#pragma once
// What one run does to its cluster: every weight is drawn from the seed, and some kinds of fault
// are switched off altogether, so that each kind is also met without the noise of the others.
//
// Thread:   plain values.
#include <array>
#include <cstdint>
#include <string_view>

#include "src/base/io/clock.h"
#include "src/base/random.h"

namespace timber::sim {

// Kinds of fault. Each is counted in how many runs it happened.
enum class Trouble : uint8_t {
    kLoss,
    kStraggle,  // single messages take long
    kDouble,
    kReorder,
    kPartition,
    kOneWay,
    kLossyLink,
    kProcessDeath,
    kPowerCut,
    kAllLosePower,
    kRestart,  // in order
    kDieInRecovery,
    kDieInLog,       // in the middle of writing the log
    kDieInState,     // of a flush, a compaction, a change of the manifest, an ingest
    kDieInSnapshot,  // of building or receiving one
    kStall,
    kDiskError,
    kFullDisk,
    kFullEverywhere,
    kPause,
    kDrift,
    kWipe,
    kMembership,
    kTransfer,
    kHandOver,
    kCutLeader,  // the leader, or the leader and one other, are cut off
    // A minority lags; then one of the others dies, and is left with the minority.
    kThinMajority,
    // The leader hears nothing, stands still, and wakes up when the others have gone on.
    kFreezeLeader,
    kCount
};
inline constexpr size_t kTroubles = static_cast<size_t>(Trouble::kCount);
inline constexpr std::array<std::string_view, kTroubles> kTroubleNames = {"loss",
                                                                          "straggling",
                                                                          "doubling",
                                                                          "reordering",
                                                                          "partition",
                                                                          "one-way cut",
                                                                          "lossy link",
                                                                          "process death",
                                                                          "power cut",
                                                                          "power cut of all",
                                                                          "restart",
                                                                          "death in recovery",
                                                                          "death in log",
                                                                          "death in state",
                                                                          "death in snapshot",
                                                                          "stall",
                                                                          "disk error",
                                                                          "full disk",
                                                                          "full disks everywhere",
                                                                          "pause",
                                                                          "drift",
                                                                          "wiped disk",
                                                                          "membership",
                                                                          "transfer",
                                                                          "hand-over",
                                                                          "leader cut off",
                                                                          "thin majority",
                                                                          "frozen leader"};

struct Profile {
    std::array<bool, kTroubles> active{};
    size_t voters = 3;
    size_t machines = 3;  // voters and spare ones
    size_t regions = 1;
    size_t clients = 3;
    size_t keys = 8;  // of each Region
    size_t value_bytes_max = 40;
    Duration think_max{};
    Duration gap_max{};  // between two troubles
    Duration length{};   // of the part with troubles
    Duration client_timeout{};
    bool leases = false;
    bool log_gc_tight = false;  // followers that lag need snapshots soon
    bool slow_state = false;    // the state often cannot take what is committed
    uint64_t read_percent = 40;
    uint64_t stray_percent = 15;  // requests that go to anybody
    uint64_t drift_per_mille = 0;
    uint64_t lose_per_mille = 0;
    uint64_t double_per_mille = 0;

    bool has(Trouble trouble) const { return active[static_cast<size_t>(trouble)]; }
    static Profile draw(Random& random);
};

}  // namespace timber::sim
