#include "logengine/recovery_table.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace timber::logengine {
namespace {

std::vector<Observation> all_observations() {
    std::vector<Observation> all;
    for (size_t begin = 0; begin < kAtBeginCount; ++begin) {
        for (size_t end = 0; end < kAtEndCount; ++end) {
            for (size_t elsewhere = 0; elsewhere < kElsewhereCount; ++elsewhere)
                all.push_back({static_cast<AtBegin>(begin), static_cast<AtEnd>(end),
                               static_cast<Elsewhere>(elsewhere)});
        }
    }
    return all;
}

TEST(RecoveryTable, EveryCombinationMatchesExactlyOneRow) {
    EXPECT_EQ(all_observations().size(), 24u);
    for (const Observation& observation : all_observations()) {
        size_t rows = 0;
        for (const RecoveryRow& row : recovery_table()) rows += matches(row, observation) ? 1 : 0;
        EXPECT_EQ(rows, 1u) << static_cast<int>(observation.at_begin) << "/"
                            << static_cast<int>(observation.at_end) << "/"
                            << static_cast<int>(observation.elsewhere);
    }
}

TEST(RecoveryTable, EveryRowIsMatchedAndHasALetterAndAReasonOfItsOwn) {
    std::set<char> letters;
    std::set<std::string_view> reasons;
    std::set<char> decided;
    for (const Observation& observation : all_observations())
        decided.insert(decide(observation).letter);
    for (const RecoveryRow& row : recovery_table()) {
        letters.insert(row.letter);
        reasons.insert(row.reason);
    }
    EXPECT_EQ(letters.size(), recovery_table().size());
    EXPECT_EQ(reasons.size(), recovery_table().size());
    EXPECT_EQ(decided, letters);
}

TEST(RecoveryTable, NoRowSpeaksOfValuesThatDoNotExist) {
    for (const RecoveryRow& row : recovery_table()) {
        EXPECT_EQ(row.at_begin >> kAtBeginCount, 0);
        EXPECT_EQ(row.at_end >> kAtEndCount, 0);
        EXPECT_EQ(row.elsewhere >> kElsewhereCount, 0);
    }
}

TEST(RecoveryTable, WhateverIsProvenOrMissingAtTheBeginningIsDamage) {
    for (const Observation& observation : all_observations()) {
        const bool damaged =
            observation.at_begin == AtBegin::kMissing || observation.elsewhere == Elsewhere::kProof;
        EXPECT_EQ(decide(observation).decision == Decision::kDamaged, damaged);
    }
}

}  // namespace
}  // namespace timber::logengine
