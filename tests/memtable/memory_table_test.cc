#include "memtable/memory_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "src/base/bytes.h"
#include "src/base/random.h"
#include "tests/memtable/support/awkward_keys.h"

namespace timber::memtable {
namespace {

struct Version {
    EntryKind kind;
    std::string value;
};
// Newest first, as internal keys order.
using Versions = std::map<Sequence, Version, std::greater<>>;

// What a table must hold, told as plainly as can be.
struct Model {
    std::array<std::map<std::string, Versions>, kFamilies> entries;
    std::array<std::vector<RangeRemove>, kFamilies> range_removes;

    Sequence covering(Family family, std::string_view key, Sequence visible) const {
        Sequence newest;
        for (const RangeRemove& remove : range_removes[index_of(family)])
            if (remove.sequence <= visible && remove.begin <= key && before_end(key, remove.end))
                newest = std::max(newest, remove.sequence);
        return newest;
    }
};

class MemoryTableTwins : public testing::TestWithParam<uint64_t> {
  protected:
    Family draw_family() { return kAllFamilies[random_.below(kFamilies)]; }

    void add_entry() {
        const Family family = draw_family();
        const std::string key = awkward_key(random_);
        const EntryKind kind = random_.one_in(4) ? EntryKind::kRemove : EntryKind::kPut;
        const std::string value =
            kind == EntryKind::kRemove ? "" : std::string(random_.below(300), 'v');
        ++last_;
        table_.add(family, last_, kind, key, value);
        model_.entries[index_of(family)][key][last_] = {kind, value};
    }
    void add_range_remove() {
        const Family family = draw_family();
        const std::string begin = awkward_key(random_);
        const std::string end = random_.one_in(5) ? "" : awkward_key(random_);
        ++last_;
        table_.add_range_remove(family, last_, begin, end);
        if (before_end(begin, end))
            model_.range_removes[index_of(family)].push_back({begin, end, last_});
    }
    void check_point() {
        const Family family = draw_family();
        const std::string key = awkward_key(random_);
        const Sequence visible(random_.between(0, last_.value() + 1));
        const Sequence covering = model_.covering(family, key, visible);
        ASSERT_EQ(table_.covering(family, key, visible), covering);
        if (random_.one_in(8)) {
            ASSERT_EQ(table_.range_removes(family)->covering(key, visible), covering);
        }
        ASSERT_EQ(table_.has_range_removes(family),
                  !model_.range_removes[index_of(family)].empty());

        const auto found = table_.find(family, key, visible);
        const Versions& versions = model_.entries[index_of(family)][key];
        const auto expected = versions.lower_bound(visible);
        ASSERT_EQ(found.has_value(), expected != versions.end());
        if (!found) return;
        ASSERT_EQ(found->sequence, expected->first);
        ASSERT_EQ(found->kind, expected->second.kind);
        ASSERT_EQ(found->value, expected->second.value);
    }
    void check_all() {
        table_.check_invariants();
        uint64_t entries = 0;
        for (Family family : kAllFamilies) {
            check_iterator(family);
            entries += table_.entries(family);
            const RangeRemoveSet expected(model_.range_removes[index_of(family)]);
            ASSERT_EQ(table_.range_removes(family)->to_removes(), expected.to_removes());
        }
        ASSERT_EQ(table_.entries(), entries);
        ASSERT_EQ(table_.empty(), entries == 0);
    }
    void check_iterator(Family family) {
        const std::unique_ptr<EntryIterator> entries = table_.new_iterator(family);
        ASSERT_FALSE(entries->valid());
        entries->seek_to_first();
        uint64_t count = 0;
        for (const auto& [key, versions] : model_.entries[index_of(family)]) {
            for (const auto& [sequence, version] : versions) {
                ASSERT_TRUE(entries->valid());
                ASSERT_EQ(user_key_of(entries->key()), key);
                ASSERT_EQ(sequence_of(entries->key()), sequence);
                ASSERT_EQ(kind_of(entries->key()), version.kind);
                ASSERT_EQ(entries->value(), version.value);
                entries->next();
                ++count;
            }
        }
        ASSERT_FALSE(entries->valid());
        ASSERT_TRUE(entries->status().ok());
        ASSERT_EQ(table_.entries(family), count + model_.range_removes[index_of(family)].size());
    }

    Random random_{GetParam()};
    MemoryTable table_{GetParam()};
    Model model_;
    Sequence last_{GetParam() * 1000};
};

TEST_P(MemoryTableTwins, AgreeOnEveryRead) {
    const uint64_t steps = random_.between(1, 3000);
    const uint64_t range_remove_one_in = random_.between(2, 40);
    for (uint64_t step = 0; step < steps; ++step) {
        if (random_.one_in(range_remove_one_in))
            add_range_remove();
        else
            add_entry();
        for (uint64_t reads = random_.below(4); reads > 0; --reads) check_point();
        if (random_.one_in(1000)) check_all();
        ASSERT_FALSE(HasFatalFailure()) << "step " << step;
    }
    table_.seal();
    check_all();
    EXPECT_EQ(table_.sequence_min(), Sequence(GetParam() * 1000 + 1));
    EXPECT_EQ(table_.sequence_max(), last_);
}

INSTANTIATE_TEST_SUITE_P(Seeds, MemoryTableTwins, testing::Range(uint64_t{1}, uint64_t{41}));

TEST(MemoryTable, ANewOneIsEmpty) {
    const MemoryTable table(1);
    EXPECT_TRUE(table.empty());
    EXPECT_FALSE(table.sealed());
    EXPECT_EQ(table.sequence_min(), Sequence());
    EXPECT_EQ(table.sequence_max(), Sequence());
    EXPECT_FALSE(table.has_range_removes(Family::kLock));
    EXPECT_TRUE(table.range_removes(Family::kLock)->empty());
    EXPECT_FALSE(table.find(Family::kLock, "", kSequenceMax).has_value());
    EXPECT_LT(table.memory_bytes(), 16_KiB);
    table.check_invariants();
}

TEST(MemoryTable, FamiliesAreKeySpacesOfTheirOwn) {
    MemoryTable table(1);
    for (uint64_t i = 0; i < kFamilies; ++i)
        table.add(kAllFamilies[i], Sequence(i + 1), EntryKind::kPut, "key",
                  to_string(kAllFamilies[i]));
    table.add_range_remove(Family::kLock, Sequence(9), "", "");
    for (Family family : kAllFamilies) {
        EXPECT_EQ(table.find(family, "key", kSequenceMax)->value, to_string(family));
        EXPECT_EQ(table.has_range_removes(family), family == Family::kLock);
    }
    EXPECT_EQ(table.entries(Family::kLock), 2u);
    EXPECT_EQ(table.entries(), 5u);
}

TEST(MemoryTable, MemoryFollowsWhatIsAdded) {
    MemoryTable table(1);
    const std::string value(100_KiB, 'v');
    size_t written = 0;
    for (uint64_t i = 1; i <= 200; ++i) {
        table.add(Family::kDefault, Sequence(i), EntryKind::kPut, std::to_string(i), value);
        written += value.size();
        ASSERT_GE(table.memory_bytes(), written);
        ASSERT_LE(table.memory_bytes(), written + written / 2 + 16_KiB);
    }
    const size_t before = table.memory_bytes();
    for (uint64_t i = 201; i <= 300; ++i)
        table.add_range_remove(Family::kDefault, Sequence(i), std::to_string(i), "");
    const size_t added = table.memory_bytes();
    (void)table.range_removes(Family::kDefault);
    EXPECT_GE(added, before);
    EXPECT_GT(table.memory_bytes(), added);
}

TEST(MemoryTable, ASealedOneTakesNothingMore) {
    MemoryTable table(1);
    table.seal();
    EXPECT_TRUE(table.sealed());
    EXPECT_DEATH(table.add(Family::kDefault, Sequence(1), EntryKind::kPut, "a", "b"), "sealed");
    EXPECT_DEATH(table.add_range_remove(Family::kDefault, Sequence(1), "a", "b"), "sealed");
}

// Tens of thousands of range removes, with reads in between: minutes if either were quadratic.
TEST(MemoryTable, ManyRangeRemovesStayCheap) {
    constexpr uint64_t kRanges = 50'000;
    MemoryTable table(1);
    const auto key = [](uint64_t i) {
        return std::to_string(10'000'000 + i * 7919 % kRanges * 10);
    };
    Random random(1);
    for (uint64_t i = 0; i < kRanges; ++i) {
        const std::string begin = key(i);
        table.add_range_remove(Family::kDefault, Sequence(i + 1), begin, begin + "5");
        const uint64_t earlier = random.below(i + 1);
        ASSERT_EQ(table.covering(Family::kDefault, key(earlier) + "1", kSequenceMax),
                  Sequence(earlier + 1));
        ASSERT_EQ(table.covering(Family::kDefault, key(earlier) + "7", kSequenceMax), Sequence());
        ASSERT_EQ(table.covering(Family::kDefault, key(earlier), Sequence(earlier)), Sequence());
    }
    EXPECT_EQ(table.range_removes(Family::kDefault)->fragments().size(), kRanges);
}

// 7919 is prime, so the keys above are all different.
static_assert(50'000 % 7919 != 0);

}  // namespace
}  // namespace timber::memtable
