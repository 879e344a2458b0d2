#pragma once
// What a scenario's owner does, and on which disk: drawn anew from each seed, some kinds of deeds
// switched off entirely.
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "logengine/log_engine.h"
#include "src/base/random.h"
#include "tests/crash/path.h"
#include "tests/support/sim_disk.h"

namespace timber::logengine {

enum class Deed : uint8_t {
    kSmall,      // one small batch
    kLarge,      // one that takes several blocks
    kSeveral,    // one of several records
    kCarried,    // records to be carried forward, or forgotten
    kRewritten,  // a record under its original identity
    kBulk,       // several batches at once
    kBurst,      // several groups in flight at once
    kWait,       // until everything is answered
    kStep,       // lets a few things happen
    kIdle,       // long enough for the witness
    kRelease,
    kRead,         // a record by its location
    kDirectories,  // of a segment
    kReopen,       // closes and opens again
    kUrgent,       // an urgent batch
    kFault,        // some operation of the disk will fail
    kSpace,        // the disk becomes full, or gets room again
    kCount,
};
inline constexpr size_t kDeedCount = static_cast<size_t>(Deed::kCount);

struct Scenario {
    uint64_t seed = 0;
    Options log;
    SimDiskOptions disk;
    std::array<uint32_t, kDeedCount> weights{};
    // How often a life begins by sending again what the recovery lost.
    uint32_t resend_percent = 0;
    // How often a life begins on a full disk.
    uint32_t full_disk_percent = 0;
    size_t large_bytes_max = 0;

    Deed draw(Random& random) const;
};

Scenario draw_scenario(uint64_t seed, const crash::Limits& limits);

}  // namespace timber::logengine
