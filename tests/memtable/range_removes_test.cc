#include "memtable/range_removes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "src/base/random.h"
#include "tests/memtable/support/awkward_keys.h"

namespace timber::memtable {
namespace {

using Removes = std::vector<RangeRemove>;

Sequence covering_by_loop(const Removes& removes, std::string_view key, Sequence visible) {
    Sequence newest;
    for (const RangeRemove& remove : removes)
        if (remove.sequence <= visible && remove.begin <= key && before_end(key, remove.end))
            newest = std::max(newest, remove.sequence);
    return newest;
}

// Few letters give many equal borders.
std::string draw_key(Random& random, bool awkward) {
    if (awkward) return awkward_key(random);
    return std::string(1, static_cast<char>('a' + random.below(26)));
}

struct Draw {
    Removes removes;
    bool awkward;
};

Draw draw_removes(Random& random) {
    Draw draw{{}, random.one_in(2)};
    const uint64_t count = random.below(40);
    const uint64_t sequences = random.between(1, 60);
    for (uint64_t i = 0; i < count; ++i) {
        std::string end = random.one_in(8) ? "" : draw_key(random, draw.awkward);
        draw.removes.push_back({random.one_in(8) ? "" : draw_key(random, draw.awkward),
                                std::move(end), Sequence(random.between(1, sequences))});
    }
    return draw;
}

TEST(RangeRemoveSet, AnEmptyOneCoversNothing) {
    const RangeRemoveSet set;
    EXPECT_TRUE(set.empty());
    EXPECT_EQ(set.covering("a", kSequenceMax), Sequence());
    EXPECT_EQ(set.newest(), Sequence());
    EXPECT_EQ(RangeRemoveCursor(set).covering("a", kSequenceMax), Sequence());
    const RangeRemoveSet of_empty_ranges(Removes{{"b", "a", Sequence(1)}, {"c", "c", Sequence(2)}});
    EXPECT_TRUE(of_empty_ranges.empty());
    EXPECT_EQ(of_empty_ranges.newest(), Sequence());
}

TEST(RangeRemoveSet, OverlappingRemovesAreCutAtEachBorder) {
    const RangeRemoveSet set(
        Removes{{"a", "m", Sequence(3)}, {"g", "", Sequence(5)}, {"g", "h", Sequence(4)}});
    EXPECT_EQ(set.newest(), Sequence(5));
    EXPECT_EQ(set.to_removes(), (Removes{{"a", "g", Sequence(3)},
                                         {"g", "h", Sequence(5)},
                                         {"g", "h", Sequence(4)},
                                         {"g", "h", Sequence(3)},
                                         {"h", "m", Sequence(5)},
                                         {"h", "m", Sequence(3)},
                                         {"m", "", Sequence(5)}}));
}

TEST(RangeRemoveSet, PiecesOfOneRemoveBecomeOneAgain) {
    const RangeRemoveSet set(Removes{{"m", "", Sequence(3)},
                                     {"a", "g", Sequence(3)},
                                     {"g", "m", Sequence(3)},
                                     {"f", "h", Sequence(3)}});
    EXPECT_EQ(set.to_removes(), (Removes{{"a", "", Sequence(3)}}));
}

TEST(RangeRemoveSet, AgreesWithALoopOverAllRemoves) {
    for (uint64_t seed = 1; seed <= 2000; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        const auto [removes, awkward] = draw_removes(random);
        const RangeRemoveSet set(removes);
        set.check_invariants();
        const RangeRemoveSet again(set.to_removes());
        ASSERT_EQ(again.to_removes(), set.to_removes());
        RangeRemoveCursor cursor(set);
        for (int i = 0; i < 60; ++i) {
            const std::string key = draw_key(random, awkward);
            const Sequence visible(random.below(65));
            const Sequence expected = covering_by_loop(removes, key, visible);
            ASSERT_EQ(set.covering(key, visible), expected);
            ASSERT_EQ(cursor.covering(key, visible), expected);
            if (expected == Sequence()) continue;
            ASSERT_LE(cursor.covered_from(), key);
            ASSERT_TRUE(before_end(key, cursor.covered_until()));
            ASSERT_EQ(covering_by_loop(removes, cursor.covered_from(), visible), expected);
        }
    }
}

// All keys of the space in order, there and back: the cursor goes by steps only.
TEST(RangeRemoveCursor, AgreesWithTheSetInBothDirections) {
    for (uint64_t seed = 1; seed <= 500; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        Draw draw = draw_removes(random);
        std::vector<std::string> keys;
        for (int i = 0; i < 60; ++i) keys.push_back(draw_key(random, draw.awkward));
        std::ranges::sort(keys);
        const RangeRemoveSet set(std::move(draw.removes));
        RangeRemoveCursor cursor(set);
        const Sequence visible(random.below(65));
        for (const std::string& key : keys)
            ASSERT_EQ(cursor.covering(key, visible), set.covering(key, visible));
        std::ranges::reverse(keys);
        for (const std::string& key : keys)
            ASSERT_EQ(cursor.covering(key, visible), set.covering(key, visible));
    }
}

TEST(RangeRemoveSet, CountsTheMemoryOfItsFragments) {
    const std::string text(1000, 'k');
    const RangeRemoveSet one(Removes{{text, text + "a", Sequence(1)}});
    EXPECT_GE(one.memory_bytes(), 2000u);
    EXPECT_LE(one.memory_bytes(), 3000u);
}

TEST(RangeRemoveCursor, SaysNothingAboutAnUncoveredKey) {
    const RangeRemoveSet set(Removes{{"b", "c", Sequence(5)}});
    RangeRemoveCursor cursor(set);
    EXPECT_EQ(cursor.covering("b", Sequence(5)), Sequence(5));
    EXPECT_EQ(cursor.covered_from(), "b");
    EXPECT_EQ(cursor.covered_until(), "c");
    EXPECT_EQ(cursor.covering("b", Sequence(4)), Sequence());
    EXPECT_DEATH((void)cursor.covered_until(), "covered_");
}

}  // namespace
}  // namespace timber::memtable
