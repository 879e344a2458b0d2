#pragma once
// Decides which compaction comes next, from the version, the options and what is claimed already.
//
// The level that is furthest over its limit goes first (level_shape.h). Of a level, the file is
// taken that rewrites least of the next one for its own size, with whatever else of its level comes
// without adding to that. What overlaps nothing below is moved instead of rewritten.
//
// Thread:     stateless; the loop.
// Invariants: P1  what it picks fits C1 to C4 of compaction.h beside the claims given.
//             P2  picking, carrying out and picking again ends if nothing is written meanwhile.
#include <optional>

#include "memtable/compaction.h"
#include "memtable/options.h"
#include "memtable/version.h"

namespace timber::memtable {

struct PickInputs {
    VersionRef version;
    const CompactionClaims& claims;
    // The oldest that is held; kSequenceMax if none is.
    Sequence snapshot_oldest = kSequenceMax;
};

// "Bring what overlaps the range to the last level that holds any of it", without what was written
// after `up_to`.
struct RangeRequest {
    Family family = Family::kDefault;
    KeyRange range;
    Sequence up_to = kSequenceMax;
};

struct RangePick {
    // Nothing is left to do.
    bool done = false;
    // Without one, and not done: something under way has to end first.
    std::optional<Compaction> compaction;
};

class CompactionPicker {
  public:
    explicit CompactionPicker(const Options& options) : options_(options) {}

    // The most urgent one that can run beside what is claimed; nothing if no level needs one.
    std::optional<Compaction> pick(const PickInputs& inputs) const;
    RangePick pick_range(const PickInputs& inputs, const RangeRequest& request) const;

  private:
    const Options& options_;
};

}  // namespace timber::memtable
