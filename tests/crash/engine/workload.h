#pragma once
// What the owner of a storage engine does, drawn from a seed: the kinds of deeds, how often each,
// and with which options.
#include <array>
#include <cstdint>

#include "src/base/random.h"
#include "src/storage/storage_engine.h"
#include "tests/crash/path.h"
#include "tests/support/sim_disk.h"

namespace timber::storage {

enum class Deed : uint8_t {
    kCommit,     // entries and hard states of a few Regions
    kBulk,       // many commits in a row
    kOverwrite,  // entries that replace the end of a log
    kApply,      // some committed entries
    kCompact,    // an entry that truncates the log, of a Region
    kCreate,
    kDestroy,
    kInstall,
    kLocal,
    kFlush,
    kWait,   // until everything is answered
    kStep,   // lets a few things happen
    kRest,   // lets some time pass
    kRead,   // entries of the log
    kCheck,  // everything against the model
    kReopen,
    kFault,
    kSpace,
    kCount,
};
inline constexpr size_t kDeedCount = static_cast<size_t>(Deed::kCount);

struct Scenario {
    uint64_t seed = 0;
    EngineOptions engine;
    SimDiskOptions disk;
    std::array<uint32_t, kDeedCount> weights{};
    uint64_t regions = 0;
    size_t value_bytes_max = 0;
    uint32_t full_disk_percent = 0;  // how often a life begins on a full disk

    Deed draw(Random& random) const;
};

Scenario draw_scenario(uint64_t seed, const crash::Limits& limits);

}  // namespace timber::storage
