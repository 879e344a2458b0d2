#include "memtable/range_statistics.h"

#include <gtest/gtest.h>

#include "tests/memtable/support/placement.h"

namespace timber::memtable {
namespace {

// Keys 0 to 9999, each with 100 bytes, `holder` says where each lies.
class RangeStatisticsTest : public testing::Test {
  protected:
    static constexpr Family kFamily = Family::kDefault;

    static std::string numbered(uint64_t number) {
        const std::string digits = std::to_string(number);
        return "key" + std::string(6 - digits.size(), '0') + digits;
    }

    static constexpr uint64_t kKeys = 10'000;
    static constexpr uint64_t kEntryBytes = 9 + kTrailerBytes + 100;

    template <typename PlaceOf>
    void fill(PlaceOf place_of) {
        Placement placement;
        placement.memory.resize(2);
        placement.levels[0].resize(2);
        std::array<TableContents, kLevels> pools;
        for (uint64_t number = 0; number < kKeys; ++number) {
            std::string key;
            append_internal_key(key, numbered(number), Sequence(number + 1), EntryKind::kPut);
            // 0, 1: memory; 2, 3: files of level 0; 4 and on: levels 1 and on.
            const size_t place = place_of(number);
            TableContents& to = place < 2   ? placement.memory[place]
                                : place < 4 ? placement.levels[0][place - 2]
                                            : pools[place - 3];
            to.entries.emplace_back(std::move(key), std::string(100, 'v'));
        }
        std::erase_if(placement.levels[0], [](const TableContents& file) { return file.empty(); });
        for (size_t level = 1; level < kLevels; ++level)
            if (!pools[level].empty())
                placement.levels[level] = cut(std::move(pools[level]), random, 9);
        view = view_of(placement, kFamily, tables);
    }

    uint64_t bytes(uint64_t begin, uint64_t end) const {
        return approximate_bytes(*view, kFamily, {numbered(begin), numbered(end)}, tables);
    }
    // Between begin and the middle key, in thousandths of the range's keys.
    uint64_t middle(uint64_t begin, uint64_t end) const {
        const auto key = middle_key(*view, kFamily, {numbered(begin), numbered(end)}, tables);
        if (!key) return 0;
        uint64_t before = begin;
        while (numbered(before) < *key) ++before;
        return (before - begin) * 1000 / (end - begin);
    }
    void expect_near(uint64_t found, uint64_t wanted, uint64_t percent) const {
        EXPECT_GE(found, wanted - wanted * percent / 100);
        EXPECT_LE(found, wanted + wanted * percent / 100);
    }

    Random random{7};
    FakeTables tables{30};
    ViewRef view;
};

TEST_F(RangeStatisticsTest, FilesAreCountedFromTheirIndexes) {
    fill([](uint64_t number) { return 2 + number % 5; });
    EXPECT_EQ(bytes(0, kKeys), kKeys * kEntryBytes);
    EXPECT_EQ(bytes(1000, 3000), 2000 * kEntryBytes);
    EXPECT_EQ(bytes(1000, 1000), 0u);
    EXPECT_EQ(bytes(3000, 1000), 0u);
    EXPECT_EQ(approximate_bytes(*view, kFamily, {"z", ""}, tables), 0u);
    EXPECT_EQ(approximate_bytes(*view, kFamily, {"", ""}, tables), kKeys * kEntryBytes);
    EXPECT_EQ(approximate_bytes(*view, Family::kMeta, {"", ""}, tables), 0u);
}

TEST_F(RangeStatisticsTest, MemoryTablesAreCountedFromSamples) {
    fill([](uint64_t number) { return number % 2; });
    const uint64_t whole = bytes(0, kKeys);
    // Its two families, and what a list takes for itself.
    EXPECT_GT(whole, kKeys * kEntryBytes / 3);
    EXPECT_LT(whole, kKeys * kEntryBytes * 2);
    expect_near(bytes(2000, 7000), whole / 2, 25);
    EXPECT_EQ(approximate_bytes(*view, kFamily, {"z", ""}, tables), 0u);
}

TEST_F(RangeStatisticsTest, TheMiddleKeyHasHalfOnEachSide) {
    fill([](uint64_t number) { return 2 + number % 5; });
    expect_near(middle(0, kKeys), 500, 6);
    expect_near(middle(200, 1000), 500, 6);
    expect_near(middle(9000, kKeys), 500, 6);
}

TEST_F(RangeStatisticsTest, TheMiddleKeyIsThatOfBytesWhereverTheyLie) {
    fill([](uint64_t number) { return number < 9000 ? 6 : number % 2 == 0 ? 3 : 5; });
    expect_near(middle(0, kKeys), 500, 6);
    expect_near(middle(8000, kKeys), 500, 6);
    fill([](uint64_t number) { return number < 5000 ? number % 2 : 4; });
    expect_near(middle(0, 5000), 500, 30);
}

TEST_F(RangeStatisticsTest, WhatIsTooSmallHasNoMiddle) {
    fill([](uint64_t number) { return 2 + number % 5; });
    EXPECT_EQ(middle(100, 101), 0u);
    EXPECT_EQ(middle_key(*view, kFamily, {"z", ""}, tables), std::nullopt);
    EXPECT_EQ(middle_key(*view, kFamily, {"b", "a"}, tables), std::nullopt);
    EXPECT_EQ(middle_key(*view, Family::kMeta, {"", ""}, tables), std::nullopt);
}

TEST_F(RangeStatisticsTest, TheMiddleKeyIsInsideOfTheRange) {
    fill([](uint64_t number) { return number % 7; });
    for (int i = 0; i < 300; ++i) {
        const uint64_t begin = random.below(kKeys - 3);
        const uint64_t end = std::min(kKeys, begin + 2 + random.below(1 + random.below(kKeys)));
        const auto key = middle_key(*view, kFamily, {numbered(begin), numbered(end)}, tables);
        if (!key) continue;
        EXPECT_GT(*key, numbered(begin));
        EXPECT_LT(*key, numbered(end));
        EXPECT_GT(approximate_bytes(*view, kFamily, {numbered(begin), *key}, tables), 0u);
        EXPECT_GT(approximate_bytes(*view, kFamily, {*key, numbered(end)}, tables), 0u);
    }
}

}  // namespace
}  // namespace timber::memtable
