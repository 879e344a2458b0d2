#pragma once
// The process that is going to be killed: opens a log, checks what it finds against what earlier
// lives had acknowledged, and appends until it dies.
//
// Batches are numbered without gaps over all lives. A batch's payload is made from its number and
// the life that appended it, so that anything lost, altered, out of order or come back shows.
#include <atomic>
#include <cstdint>
#include <string>

#include "src/platform/platform.h"
#include "tests/support/power_cut.h"

namespace timber {

// What parent and children share; lies in shared memory and outlives every child.
struct TortureLedger {
    static constexpr size_t kNumbersMax = 1 << 22;

    std::atomic<uint64_t> life;          // of the child that runs
    std::atomic<uint64_t> acknowledged;  // the newest batch that was
    std::atomic<uint64_t> released;      // the newest batch that may be gone
    std::atomic<uint64_t> recoveries;    // openings that ended
    std::atomic<uint64_t> tails_cut;
    std::atomic<uint64_t> batches_checked;  // found again after a death
    std::atomic<uint64_t> segments_recycled;
    // The life that appended a batch last.
    std::atomic<uint32_t> life_of[kNumbersMax];
    char failure[1024];  // why a child gave up; empty if none did
};

struct TortureChildOptions {
    std::string directory;
    uint64_t seed = 0;
    IoBackend backend = IoBackend::kAutomatic;
};

// Runs until it is killed, or exits with 1 after it wrote down a failure.
[[noreturn]] void run_torture_child(const TortureChildOptions& options, PowerCut& power_cut,
                                    TortureLedger& ledger);

}  // namespace timber
