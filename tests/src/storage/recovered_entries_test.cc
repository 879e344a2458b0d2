// Runs of recovered entries against a plain map.
#include "src/storage/recovered_entries.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "src/base/random.h"

namespace timber::storage {
namespace {

using logengine::Lsn;
using raft::LogIndex;

// Every entry has an origin of its own, which tells it from all others.
class RecoveredEntriesTest : public ::testing::Test {
  protected:
    void make(uint64_t index) {
        entries_.make(LogIndex(index)).origin = Lsn(++origins_);
        twin_[index] = origins_;
    }
    void cut_from(uint64_t index) {
        std::set<uint64_t> removed;
        entries_.cut_from(LogIndex(index), [&](const RecoveredEntry& entry) {
            EXPECT_TRUE(removed.insert(entry.origin.value()).second);
        });
        std::set<uint64_t> expected;
        for (auto each = twin_.lower_bound(index); each != twin_.end(); ++each)
            expected.insert(each->second);
        EXPECT_EQ(removed, expected);
        twin_.erase(twin_.lower_bound(index), twin_.end());
    }
    static uint64_t origin_of(const RecoveredEntry* entry) {
        return entry == nullptr ? 0 : entry->origin.value();
    }
    void compare(uint64_t index_max) const {
        EXPECT_EQ(entries_.empty(), twin_.empty());
        if (!twin_.empty()) {
            EXPECT_EQ(entries_.last(), LogIndex(twin_.rbegin()->first));
        }
        uint64_t nearest = 0;
        for (uint64_t index = 0; index <= index_max; ++index) {
            const auto at = twin_.find(index);
            const uint64_t expected = at == twin_.end() ? 0 : at->second;
            if (expected != 0) nearest = expected;
            ASSERT_EQ(origin_of(entries_.find(LogIndex(index))), expected) << index;
            ASSERT_EQ(origin_of(entries_.at_or_below(LogIndex(index))), nearest) << index;
            if (expected != 0) {
                ASSERT_EQ(entries_.at(LogIndex(index)).origin.value(), expected);
            }
        }
    }

    RecoveredEntries entries_;
    std::map<uint64_t, uint64_t> twin_;
    uint64_t origins_ = 0;
};

TEST_F(RecoveredEntriesTest, OneThatIsMadeTwiceIsTheSame) {
    make(5);
    make(6);
    make(5);
    compare(8);
    EXPECT_EQ(origins_, 3u);
}

TEST_F(RecoveredEntriesTest, GapsAndWhatFillsThem) {
    for (const uint64_t index : {7u, 8u, 3u, 5u, 4u, 6u, 9u}) {
        make(index);
        compare(10);
    }
    cut_from(6);
    compare(10);
    make(6);
    compare(10);
    cut_from(0);
    compare(10);
    make(1);
    compare(10);
}

TEST_F(RecoveredEntriesTest, AnswersAsAPlainMapDoes) {
    for (uint64_t seed = 1; seed <= 50 && !HasFailure(); ++seed) {
        Random random(seed);
        cut_from(0);
        uint64_t next = 1 + random.below(50);
        for (int step = 0; step < 200; ++step) {
            const uint64_t dice = random.below(100);
            if (dice < 70) {
                make(next++);
            } else if (dice < 90) {
                make(1 + random.below(next));
            } else {
                next += random.below(5);  // leaves a gap
                const uint64_t from = random.percent(30) ? random.below(next) : next;
                cut_from(from);
                next = std::max<uint64_t>(from, 1);
            }
            compare(next + 5);
        }
    }
}

}  // namespace
}  // namespace timber::storage
