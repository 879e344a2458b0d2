#include "memtable/range_cover.h"

#include <gtest/gtest.h>

#include <list>

#include "src/base/random.h"
#include "tests/memtable/support/fake_tables.h"
#include "tests/memtable/support/history.h"
#include "tests/memtable/support/placement.h"

namespace timber::memtable {
namespace {

Sequence covering_slowly(const std::vector<RangeRemove>& removes, std::string_view key,
                         Sequence visible) {
    Sequence newest;
    for (const RangeRemove& remove : removes)
        if (remove.sequence <= visible && key >= remove.begin && before_end(key, remove.end))
            newest = std::max(newest, remove.sequence);
    return newest;
}

// Removes of a seed, in memory, in single files, and in a level.
struct DrawnRemoves {
    explicit DrawnRemoves(uint64_t seed)
        : random(seed), visible(1 + random.below(40)), cover(visible, tables) {
        keys = draw_keys(random, 2 + random.below(20));
        std::ranges::sort(keys);
        const History history = draw_history(random, keys, random.below(40), 100);
        std::vector<TableContents> places(1 + random.below(5));
        for (const HistoryOperation& operation : history.operations())
            add_operation(places[random.below(places.size())], operation);
        for (const TableContents& place : places) {
            std::ranges::copy(place.removes, std::back_inserter(removes));
            add(place);
        }
    }

    void add(const TableContents& place) {
        if (place.removes.empty()) return;
        switch (random.below(3)) {
            case 0: cover.add(std::make_shared<const RangeRemoveSet>(place.removes)); break;
            case 1: cover.add(tables.add(Family::kDefault, place)); break;
            default: {
                std::vector<TableFileRef>& files = levels.emplace_back();
                for (TableContents& piece : cut(place, random, 5))
                    files.push_back(tables.add(Family::kDefault, std::move(piece)));
                cover.add_level(files);
            }
        }
    }

    Sequence slowly(std::string_view key) const { return covering_slowly(removes, key, visible); }
    // Keys and places between them.
    std::string key() {
        std::string drawn = keys[random.below(keys.size())];
        if (random.one_in(3)) drawn += '\0';
        return drawn;
    }

    Random random;
    Sequence visible;
    FakeTables tables;
    std::list<std::vector<TableFileRef>> levels;
    RangeCover cover;
    std::vector<std::string> keys;
    std::vector<RangeRemove> removes;
};

TEST(RangeCover, TheNewestRemoveOfAnySourceCovers) {
    for (uint64_t seed = 0; seed < 2000; ++seed) {
        DrawnRemoves drawn(seed);
        for (int step = 0; step < 60; ++step) {
            const std::string key = drawn.key();
            ASSERT_EQ(drawn.cover.covering(key), drawn.slowly(key)) << "seed " << seed;
            const CoveredStretch& stretch = drawn.cover.stretch();
            ASSERT_TRUE(stretch.from <= key && before_end(key, stretch.until));
        }
    }
}

// A key just before another is that of which every key in between is covered alike; the keys drawn
// have none between `key` less its last zero byte and `key`.
TEST(RangeCover, JustBeforeAKeyIsTheStretchThatEndsThere) {
    for (uint64_t seed = 0; seed < 2000; ++seed) {
        DrawnRemoves drawn(seed);
        for (int step = 0; step < 40; ++step) {
            const std::string key = drawn.key() + '\0';
            const std::string before = key.substr(0, key.size() - 1);
            ASSERT_EQ(drawn.cover.covering_before(key), drawn.slowly(before)) << "seed " << seed;
        }
        const std::string greatest(20, '\xff');
        ASSERT_EQ(drawn.cover.covering_before({}), drawn.slowly(greatest)) << "seed " << seed;
    }
}

TEST(RangeCover, AStretchGoesOnAsFarAsAllOfItIsCovered) {
    size_t longer = 0;
    for (uint64_t seed = 0; seed < 2000; ++seed) {
        DrawnRemoves drawn(seed);
        for (int step = 0; step < 20; ++step) {
            const std::string key = drawn.key();
            const Sequence by = drawn.cover.covering(key);
            if (by == Sequence()) continue;
            const Sequence above(drawn.random.below(by.value()));
            const CoveredStretch near = drawn.cover.stretch();
            const bool forward = drawn.random.one_in(2);
            const CoveredStretch far =
                forward ? drawn.cover.covered_onwards(above) : drawn.cover.covered_backwards(above);
            ASSERT_GT(far.by, above);
            if (forward ? far.until != near.until : far.from != near.from) ++longer;
            for (const std::string& other : drawn.keys) {
                const bool inside = forward ? other >= key && before_end(other, far.until)
                                            : other <= key && other >= far.from;
                ASSERT_TRUE(!inside || drawn.slowly(other) >= far.by) << "seed " << seed;
            }
            // Not a key further.
            if (!forward || far.until.empty()) continue;
            ASSERT_LE(drawn.slowly(far.until), above);
        }
    }
    EXPECT_GT(longer, 1000u);
}

}  // namespace
}  // namespace timber::memtable
