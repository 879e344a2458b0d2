#pragma once
// How recovery decides what it is looking at, where the chain of groups ends.
//
// The table is data (recovery_table.cc) and is drawn in FORMAT.md; a test shows that every
// combination of observations matches exactly one row.
#include <cstdint>
#include <span>
#include <string_view>

namespace timber::logengine {

// What stands where the next group would begin.
enum class AtEnd : uint8_t {
    kNoRoom,  // the segment is full
    kZero,    // a block of zeros
    kOld,     // anything that is not the beginning of the next group of the chain
    kTorn,    // the header of the next group of the chain, its own checksum right; not the rest
};
inline constexpr size_t kAtEndCount = 4;

// What groups and witnesses elsewhere say, compared with the last LSN of the chain.
enum class Elsewhere : uint8_t {
    kNothing,    // no group header beyond the end with a later LSN
    kSurvivors,  // groups behind the gap, none of which claims that the gap was durable
    kProof,      // a group or a witness says that a batch behind the end was durable
};
inline constexpr size_t kElsewhereCount = 3;

// Where the chain begins.
enum class AtBegin : uint8_t {
    kComplete,  // the oldest segment that is needed is there
    kMissing,   // it begins behind the first batch that was not released, or not even a checkpoint
                // is left of a log that had one
};
inline constexpr size_t kAtBeginCount = 2;

enum class Decision : uint8_t {
    kClean,    // the log ends here; nothing was lost
    kCut,      // the log ends here; what was never acknowledged is discarded, and reported
    kDamaged,  // acknowledged data is gone or altered: refuse to open, report file and offset
};

struct Observation {
    AtBegin at_begin;
    AtEnd at_end;
    Elsewhere elsewhere;
};

// One row; a mask has bit n set where the row takes the n-th value.
struct RecoveryRow {
    char letter;
    uint8_t at_begin;
    uint8_t at_end;
    uint8_t elsewhere;
    Decision decision;
    std::string_view reason;
};

std::span<const RecoveryRow> recovery_table();
bool matches(const RecoveryRow& row, const Observation& observation);
// The one row that matches.
const RecoveryRow& decide(const Observation& observation);

}  // namespace timber::logengine
