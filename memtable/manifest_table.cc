#include "memtable/manifest_table.h"

#include "src/base/assert.h"

namespace timber::memtable {

namespace {

template <typename... Values>
constexpr uint8_t any_of(Values... values) {
    return static_cast<uint8_t>(((1u << static_cast<unsigned>(values)) | ...));
}

constexpr uint8_t kAny = 3;  // every one of two values
static_assert(kWitnessedCount == 2 && kAtRecordsEndCount == 2 && kBehindRecordsCount == 2 &&
              kCurrentSlotsCount == 2);
constexpr uint8_t kAllThere = any_of(Witnessed::kAllThere);
constexpr uint8_t kNothing = any_of(BehindRecords::kNothing);
constexpr uint8_t kTorn = any_of(AtRecordsEnd::kTorn);

constexpr ManifestRow kRows[] = {
    {'A', any_of(Witnessed::kMore), kAny, kAny, kAny, ManifestDecision::kDamaged,
     "CURRENT says that more was durable"},
    {'B', kAllThere, kAny, any_of(BehindRecords::kRecord), kAny, ManifestDecision::kDamaged,
     "a later record follows, which is written only once its predecessor is durable"},
    {'C', kAllThere, kTorn, kNothing, any_of(CurrentSlots::kOneReadable),
     ManifestDecision::kDamaged,
     "the unreadable slot of CURRENT may have said that this record was durable"},
    {'D', kAllThere, kTorn, kNothing, any_of(CurrentSlots::kBothReadable), ManifestDecision::kCut,
     "the last record was cut short while it was written"},
    {'E', kAllThere, any_of(AtRecordsEnd::kZero), kNothing, kAny, ManifestDecision::kClean,
     "the manifest ends"},
};

bool has(uint8_t mask, unsigned value) { return (mask >> value & 1) != 0; }

}  // namespace

std::span<const ManifestRow> manifest_table() { return kRows; }

bool matches(const ManifestRow& row, const ManifestObservation& observation) {
    return has(row.witnessed, static_cast<unsigned>(observation.witnessed)) &&
           has(row.at_end, static_cast<unsigned>(observation.at_end)) &&
           has(row.behind, static_cast<unsigned>(observation.behind)) &&
           has(row.slots, static_cast<unsigned>(observation.slots));
}

const ManifestRow& decide(const ManifestObservation& observation) {
    for (const ManifestRow& row : kRows) {
        if (matches(row, observation)) return row;
    }
    TIMBER_UNREACHABLE();
}

}  // namespace timber::memtable
