#pragma once
// How an opening decides what it is looking at, where the manifest's records end.
//
// The table is data (manifest_table.cc) and is drawn in FORMAT.md; a test shows that every
// combination of observations matches exactly one row.
#include <cstdint>
#include <span>
#include <string_view>

namespace timber::memtable {

// What CURRENT says of the records, compared with those that are there.
enum class Witnessed : uint8_t {
    kAllThere,
    kMore,  // more of them were durable, or the last that was durable is another one
};
inline constexpr size_t kWitnessedCount = 2;

// What stands where the next record would begin.
enum class AtRecordsEnd : uint8_t {
    kZero,  // zeros, or the file's end
    kTorn,  // anything else
};
inline constexpr size_t kAtRecordsEndCount = 2;

// What stands further on.
enum class BehindRecords : uint8_t {
    kNothing,
    kRecord,  // the header of a record of this manifest
};
inline constexpr size_t kBehindRecordsCount = 2;

enum class CurrentSlots : uint8_t {
    kBothReadable,
    kOneReadable,
};
inline constexpr size_t kCurrentSlotsCount = 2;

enum class ManifestDecision : uint8_t {
    kClean,    // the manifest ends here; nothing was lost
    kCut,      // it ends here; what was never acknowledged is discarded, and reported
    kDamaged,  // acknowledged edits are gone or altered: refuse to open, report file and offset
};

struct ManifestObservation {
    Witnessed witnessed;
    AtRecordsEnd at_end;
    BehindRecords behind;
    CurrentSlots slots;
};

// One row; a mask has bit n set where the row takes the n-th value.
struct ManifestRow {
    char letter;
    uint8_t witnessed;
    uint8_t at_end;
    uint8_t behind;
    uint8_t slots;
    ManifestDecision decision;
    std::string_view reason;
};

std::span<const ManifestRow> manifest_table();
bool matches(const ManifestRow& row, const ManifestObservation& observation);
// The one row that matches.
const ManifestRow& decide(const ManifestObservation& observation);

}  // namespace timber::memtable
