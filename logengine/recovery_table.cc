#include "logengine/recovery_table.h"

#include "src/base/assert.h"

namespace timber::logengine {

namespace {

template <typename... Values>
constexpr uint8_t any_of(Values... values) {
    return static_cast<uint8_t>(((1u << static_cast<unsigned>(values)) | ...));
}

constexpr uint8_t kAnyAtEnd = (1u << kAtEndCount) - 1;
constexpr uint8_t kAnyElsewhere = (1u << kElsewhereCount) - 1;
constexpr uint8_t kComplete = any_of(AtBegin::kComplete);

constexpr RecoveryRow kRows[] = {
    {'A', any_of(AtBegin::kMissing), kAnyAtEnd, kAnyElsewhere, Decision::kDamaged,
     "a segment with batches that were not released is missing"},
    {'B', kComplete, kAnyAtEnd, any_of(Elsewhere::kProof), Decision::kDamaged,
     "a later group or witness says that more was durable"},
    {'C', kComplete, any_of(AtEnd::kTorn), any_of(Elsewhere::kNothing, Elsewhere::kSurvivors),
     Decision::kCut, "the last group was cut short while it was written"},
    {'D', kComplete, any_of(AtEnd::kNoRoom, AtEnd::kZero, AtEnd::kOld),
     any_of(Elsewhere::kSurvivors), Decision::kCut,
     "a group is missing, and later ones that were in flight with it survived"},
    {'E', kComplete, any_of(AtEnd::kNoRoom, AtEnd::kZero, AtEnd::kOld), any_of(Elsewhere::kNothing),
     Decision::kClean, "the log ends"},
};

bool has(uint8_t mask, unsigned value) { return (mask >> value & 1) != 0; }

}  // namespace

std::span<const RecoveryRow> recovery_table() { return kRows; }

bool matches(const RecoveryRow& row, const Observation& observation) {
    return has(row.at_begin, static_cast<unsigned>(observation.at_begin)) &&
           has(row.at_end, static_cast<unsigned>(observation.at_end)) &&
           has(row.elsewhere, static_cast<unsigned>(observation.elsewhere));
}

const RecoveryRow& decide(const Observation& observation) {
    for (const RecoveryRow& row : kRows) {
        if (matches(row, observation)) return row;
    }
    TIMBER_UNREACHABLE();
}

}  // namespace timber::logengine
