#pragma once
// What of a simulated disk's unfinished business a death leaves behind, as a seed decides.
//
// Every change to a disk has a number. A death meets three kinds: durable ones survive; changes
// in the volatile cache, which a process death keeps and a power cut decides about; and changes in
// flight, which both deaths decide about. A decision takes a change whole, not at all, or in part;
// a part is a set of sectors for a write, and any of its halves for a rename.
//
// The temper of the decisions is drawn first, so that the interesting corners come up often:
// nothing survives, everything, all but one, one alone, a fair coin, a biased one, with and without
// tearing; or what came first, up to a change that is torn, or only what came last.
#include <cstdint>
#include <optional>
#include <vector>

#include "src/base/strong_id.h"

namespace timber {

// Numbers the changes to one disk in the order in which they took effect.
using ChangeId = StrongId<struct ChangeIdTag, uint64_t>;

enum class Death : uint8_t {
    // The process is gone, the machine lives: every completed change is kept, in the volatile cache
    // where it was; changes in flight are there whole, in part or not at all.
    kProcessDeath,
    // The machine lost power: durable changes are kept, of all others any subset.
    kPowerCut,
};

// What a death decided, for those who count what they explored.
struct DeathReport {
    uint64_t changes_open = 0;  // neither durable nor certainly kept
    uint64_t sectors_kept = 0;
    uint64_t sectors_lost = 0;
    uint64_t names_kept = 0;
    uint64_t names_lost = 0;
    // In some file, something written was lost in front of something that was kept.
    bool hole_with_survivors = false;
};

class Survival {
  public:
    // `open` are the changes to decide about.
    Survival(uint64_t seed, const std::vector<ChangeId>& open);

    // The sectors of a write. `sector` counts from 0 within its `sectors`.
    bool sector_survives(ChangeId change, uint64_t sector, uint64_t sectors) const;
    // One of the effects of a change on names and sizes; `effect` tells several of one change
    // apart.
    bool metadata_survives(ChangeId change, uint64_t effect) const;
    // A decision about the whole death.
    bool coin(uint64_t salt) const;

  private:
    enum class Fate : uint8_t { kWhole, kNothing, kTorn };
    // Which changes survive: each by itself, those before a border, those behind it.
    enum class Temper : uint8_t { kEach, kFirst, kLast };

    uint64_t draw(ChangeId change, uint64_t salt) const;
    Fate fate(ChangeId change, uint64_t salt) const;
    bool torn_part_survives(ChangeId change, uint64_t part, uint64_t parts) const;

    uint64_t seed_;
    Temper temper_ = Temper::kEach;
    ChangeId border_;  // torn, unless each change decides by itself
    uint64_t keep_percent_;
    uint64_t tear_percent_;
    // Metadata shares the fate of the data of its change, or has its own.
    bool metadata_follows_data_;
    // Gets the opposite of what it would have got.
    std::optional<ChangeId> odd_one_;
};

}  // namespace timber
