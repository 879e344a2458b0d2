#pragma once
// How large the levels of a family should be, how far they are from it, and what that costs.
//
// The last level, 6, holds most of the data. Above it are as many levels as are needed so that none
// is more than Options::level_bytes_multiplier times as large as the one before it; all of them
// grow by the same factor, because the cost of writing (the sum of the factors) is least where they
// are equal. The first of them is the base level: level 0 is compacted into it, and the levels
// between are empty.
#include <array>

#include "memtable/compaction.h"
#include "memtable/options.h"
#include "memtable/version.h"

namespace timber::memtable {

struct LevelShape {
    // 1 to 6.
    size_t base = kLevels - 1;
    // Bytes that a level should hold at most. None for level 0, for those above the base, which
    // should hold nothing, and for the last.
    std::array<uint64_t, kLevels> targets{};
    // 1 and above: the level needs a compaction. Files that are claimed do not count.
    std::array<double, kLevels> scores{};
    // Bytes that compactions have to write until no score is above 1.
    uint64_t debt_bytes = 0;
    // How often a byte that is written now will be written again on its way down, about.
    double rewrites_per_byte = 0;
};

LevelShape level_shape(const Version& version, Family family, const Options& options,
                       const CompactionClaims& claims);

}  // namespace timber::memtable
