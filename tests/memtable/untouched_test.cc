// What an iterator does not read: files and blocks outside of its bounds, and under range removes.
#include <gtest/gtest.h>

#include "memtable/store_iterator_impl.h"
#include "tests/memtable/support/placement.h"

namespace timber::memtable {
namespace {

// Blocks have 10 keys. Level 0 has one file (1) of keys 0 to 990 by tens; level 1 ten files (2 to
// 11) of a hundred keys each, all older.
class UntouchedTest : public testing::Test {
  protected:
    static constexpr Family kFamily = Family::kDefault;

    static std::string numbered(uint64_t number) {
        const std::string digits = std::to_string(number);
        return std::string(4 - digits.size(), '0') + digits;
    }

    static constexpr uint64_t kOld = 10;
    static constexpr uint64_t kNew = 20;

    UntouchedTest() {
        TableContents file;
        for (uint64_t number = 0; number < 1000; number += 10) put(file, number, kNew);
        placement.levels[0].push_back(std::move(file));
        for (uint64_t first = 0; first < 1000; first += 100) {
            TableContents part;
            for (uint64_t number = first; number < first + 100; ++number) put(part, number, kOld);
            placement.levels[1].push_back(std::move(part));
        }
    }
    static void put(TableContents& to, uint64_t number, uint64_t sequence) {
        std::string key;
        append_internal_key(key, numbered(number), Sequence(sequence), EntryKind::kPut);
        to.entries.emplace_back(std::move(key), "value");
    }
    void remove_range(uint64_t begin, uint64_t end, uint64_t sequence) {
        placement.memory[0].removes.push_back({numbered(begin), numbered(end), Sequence(sequence)});
    }
    std::unique_ptr<StoreIteratorImpl> make(std::string_view lower = {},
                                            std::string_view upper = {}) {
        if (view == nullptr) view = view_of(placement, kFamily, tables);
        tables.forget();
        return std::make_unique<StoreIteratorImpl>(
            view, kFamily, Sequence(99), ReadOptions{.lower = lower, .upper = upper}, tables);
    }
    static size_t walk(StoreIteratorImpl& iterator, bool forward) {
        size_t keys = 0;
        forward ? iterator.seek_to_first() : iterator.seek_to_last();
        for (; iterator.valid(); ++keys) forward ? iterator.next() : iterator.prev();
        EXPECT_TRUE(iterator.status().ok());
        return keys;
    }
    // Those of the level that were read.
    std::set<uint64_t> level_files() const {
        std::set<uint64_t> files = tables.touched().files;
        files.erase(1);
        return files;
    }
    size_t blocks(uint64_t file) const {
        return static_cast<size_t>(std::ranges::count_if(
            tables.touched().blocks, [file](const auto& block) { return block.first == file; }));
    }

    Placement placement;
    FakeTables tables{10};
    ViewRef view;
};

TEST_F(UntouchedTest, BlocksOutsideOfTheBoundsAreNotRead) {
    for (const bool forward : {true, false}) {
        const std::string lower = numbered(410);
        const std::string upper = numbered(590);
        const auto iterator = make(lower, upper);
        EXPECT_EQ(walk(*iterator, forward), 180u);
        EXPECT_EQ(level_files(), std::set<uint64_t>({6, 7}));
        EXPECT_EQ(blocks(6), 9u);
        EXPECT_EQ(blocks(7), 9u);
        EXPECT_EQ(blocks(1), 2u);  // 400 to 490, 500 to 590
    }
}

TEST_F(UntouchedTest, FilesOutsideOfTheBoundsAreNotEvenOpened) {
    const std::string lower = numbered(995);
    const auto iterator = make(lower);
    EXPECT_EQ(iterator->sources(), 1u);
    EXPECT_EQ(walk(*iterator, true), 5u);
    EXPECT_EQ(tables.touched().files, std::set<uint64_t>({11}));
}

TEST_F(UntouchedTest, ASeekOutsideOfTheBoundsReadsNothing) {
    const std::string lower = numbered(300);
    const std::string upper = numbered(400);
    const auto iterator = make(lower, upper);
    tables.forget();
    iterator->seek(numbered(400));
    EXPECT_FALSE(iterator->valid());
    iterator->seek_for_prev(numbered(299));
    EXPECT_FALSE(iterator->valid());
    EXPECT_TRUE(tables.touched().blocks.empty());
}

TEST_F(UntouchedTest, WhatARangeRemoveCoversIsNotRead) {
    remove_range(205, 795, 50);
    for (const bool forward : {true, false}) {
        const auto iterator = make();
        EXPECT_EQ(walk(*iterator, forward), 1000u - 590u);
        EXPECT_EQ(level_files(), std::set<uint64_t>({2, 3, 4, 9, 10, 11}));
        EXPECT_EQ(blocks(4), 1u);
        EXPECT_EQ(blocks(9), 1u);
        EXPECT_LE(blocks(1), 6u);  // of ten, one of which has 200 in it and one 800
    }
}

// Neither is what many removes, side by side, cover together.
TEST_F(UntouchedTest, RemovesThatTouchAreOne) {
    for (uint64_t number = 200; number < 800; number += 5)
        remove_range(number, number + 5, 50 + number % 7);
    for (const bool forward : {true, false}) {
        const auto iterator = make();
        EXPECT_EQ(walk(*iterator, forward), 400u);
        EXPECT_LE(blocks(1), 5u);
        size_t blocks_read = 0;
        for (uint64_t file = 2; file <= 11; ++file) blocks_read += blocks(file);
        EXPECT_LE(blocks_read, 42u);
    }
}

TEST_F(UntouchedTest, ASeekIntoACoveredRangeGoesStraightToItsEnd) {
    remove_range(200, 800, 50);
    const auto iterator = make();
    iterator->seek(numbered(450));
    ASSERT_TRUE(iterator->valid());
    EXPECT_EQ(iterator->key(), numbered(800));
    EXPECT_EQ(level_files(), std::set<uint64_t>({10}));
    EXPECT_EQ(tables.touched().blocks.size(), 2u);
    tables.forget();
    iterator->seek_for_prev(numbered(450));
    ASSERT_TRUE(iterator->valid());
    EXPECT_EQ(iterator->key(), numbered(199));
    EXPECT_EQ(level_files(), std::set<uint64_t>({3}));
    EXPECT_LE(tables.touched().blocks.size(), 3u);
}

// A source with something newer than the remove is walked; the others are not.
TEST_F(UntouchedTest, OnlySourcesWithSomethingNewerAreWalked) {
    remove_range(200, 800, 15);
    for (const bool forward : {true, false}) {
        const auto iterator = make();
        EXPECT_EQ(walk(*iterator, forward), 460u);
        EXPECT_EQ(blocks(1), 10u);
        // The first file behind the remove's edge shows that it is covered.
        EXPECT_EQ(level_files(), forward ? std::set<uint64_t>({2, 3, 4, 10, 11})
                                         : std::set<uint64_t>({2, 3, 9, 10, 11}));
    }
}

// An ingest: below a remove that covers all, one file is newer.
TEST_F(UntouchedTest, ANewerFileOfACoveredLevelIsFound) {
    placement.memory[0].removes.push_back({"", "", Sequence(50)});
    TableContents& file = placement.levels[1][5];
    file.entries.clear();
    for (uint64_t number = 500; number < 600; ++number) put(file, number, 51);
    for (const bool forward : {true, false}) {
        const auto iterator = make();
        EXPECT_EQ(walk(*iterator, forward), 100u);
        EXPECT_EQ(level_files(), std::set<uint64_t>({7, forward ? 8u : 6u}));
        EXPECT_EQ(blocks(1), 0u);
    }
}

TEST_F(UntouchedTest, WithEverythingRemovedNothingIsRead) {
    placement.memory[0].removes.push_back({"", "", Sequence(50)});
    for (const bool forward : {true, false}) {
        const auto iterator = make();
        EXPECT_EQ(walk(*iterator, forward), 0u);
        EXPECT_TRUE(tables.touched().blocks.empty());
    }
}

}  // namespace
}  // namespace timber::memtable
