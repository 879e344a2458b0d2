#pragma once
// What a scenario's owner does with its state store, and on which disk: drawn anew from each seed,
// some kinds of deeds switched off entirely.
#include <array>
#include <cstdint>

#include "memtable/store.h"
#include "src/base/random.h"
#include "tests/crash/path.h"
#include "tests/support/sim_disk_faults.h"

namespace timber::memtable {

enum class Deed : uint8_t {
    kWrite,  // one small batch
    kBulk,   // enough of them to fill a memory table
    kLarge,  // a large value
    kRemoveRange,
    kFlush,     // begins one
    kWait,      // until everything asked for is answered
    kStep,      // lets a few things happen
    kSettle,    // until nothing is left to flush or compact
    kCompact,   // a range
    kSnapshot,  // takes one, or lets one go
    kIterate,   // opens an iterator, moves one, or lets one go
    kRead,      // some keys
    kScan,      // a family, now or at a snapshot
    kIngest,
    kExport,
    kReserve,  // a file that is never ingested
    kReopen,
    kFault,  // some operation of the disk will fail
    kSpace,  // the disk becomes full, or gets room again
    kCount,
};
inline constexpr size_t kDeedCount = static_cast<size_t>(Deed::kCount);

struct Scenario {
    uint64_t seed = 0;
    Options store;
    SimDiskOptions disk;
    std::array<uint32_t, kDeedCount> weights{};
    uint64_t keys = 0;  // in each family
    size_t value_bytes_max = 0;
    uint32_t redo_percent = 0;       // how often a life writes again what was lost
    uint32_t full_disk_percent = 0;  // how often a life begins on a full disk

    Deed draw(Random& random) const;
    // A key from the few that there are: their lengths and beginnings differ.
    std::string draw_key(Random& random) const;
    // A range between two of them, either end open now and then.
    KeyRange draw_range(Random& random) const;
};

Scenario draw_scenario(uint64_t seed, const crash::Limits& limits);

}  // namespace timber::memtable
