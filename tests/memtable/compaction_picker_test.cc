#include "memtable/compaction_picker.h"

#include <gtest/gtest.h>

#include "memtable/level_shape.h"
#include "src/base/mistake.h"
#include "tests/memtable/background_world.h"

namespace timber::memtable {
namespace {

struct Totals {
    size_t compactions = 0;
    size_t most_at_once = 0;
    size_t moves = 0;
    size_t rewrites_in_place = 0;
    size_t merges0 = 0;
    size_t ingests = 0;

    void add(const BackgroundWorld& world) {
        compactions += world.compactions();
        most_at_once = std::max(most_at_once, world.most_at_once());
        moves += world.moves();
        rewrites_in_place += world.rewrites_in_place();
        merges0 += world.merges0();
        ingests += world.ingests();
    }
};

// A store in fakes.
struct FakeStore {
    explicit FakeStore(uint64_t seed)
        : random(seed),
          options(small_options(random)),
          workshop(options),
          world(seed, options, workshop) {}

    Random random;
    Options options;
    FakeWorkshop workshop;
    BackgroundWorld world;
};

constexpr size_t kSteps = 800;

TEST(CompactionPicker, WhateverItPicksReadersSeeTheSame) {
    Totals totals;
    for (uint64_t seed = 1; seed <= 150; ++seed) {
        SCOPED_TRACE(seed);
        FakeStore store(seed);
        for (size_t step = 0; step < kSteps && store.world.step(); ++step) {
        }
        ASSERT_EQ(store.world.complaint(), "");
        totals.add(store.world);
    }
    // The runs did what they are for.
    EXPECT_GE(totals.compactions, 4000u);
    EXPECT_GE(totals.most_at_once, 3u);
    EXPECT_GE(totals.moves, 200u);
    EXPECT_GE(totals.rewrites_in_place, 20u);
    EXPECT_GE(totals.merges0, 20u);
    EXPECT_GE(totals.ingests, 500u);
}

TEST(CompactionPicker, WithoutWritesItComesToAnEndWithLevelsInShape) {
    for (uint64_t seed = 1; seed <= 100; ++seed) {
        SCOPED_TRACE(seed);
        FakeStore store(seed);
        for (size_t step = 0; step < kSteps && store.world.step(); ++step) {
        }
        store.world.settle();
        ASSERT_EQ(store.world.complaint(), "");
        EXPECT_TRUE(store.world.shape_is_good());
        // Range removes that hide nothing any more are gone, those of level 0 aside.
        for (size_t level = 1; level < kLevels; ++level)
            for (const TableFileRef& file :
                 store.world.version()->files(BackgroundWorld::kFamily, level))
                EXPECT_EQ(file->meta().range_removes, 0u);
    }
}

TEST(CompactionPicker, ARangeThatIsAskedForEndsInOneLevel) {
    for (uint64_t seed = 1; seed <= 100; ++seed) {
        SCOPED_TRACE(seed);
        FakeStore store(seed);
        for (size_t step = 0; step < kSteps && store.world.step(); ++step) {
        }
        store.world.settle();
        const KeyRange all;
        store.world.compact_range(all);
        ASSERT_EQ(store.world.complaint(), "");
        EXPECT_LE(store.world.levels_in_use(all).size(), 1u);
        for (size_t level : store.world.levels_in_use(all)) {
            EXPECT_GE(level, 1u);
            for (const TableFileRef& file :
                 store.world.version()->files(BackgroundWorld::kFamily, level))
                EXPECT_EQ(file->meta().removes + file->meta().range_removes, 0u);
        }
    }
}

// The checkers of these worlds see what they claim to see.
size_t worlds_that_notice(Mistake mistake, uint64_t worlds) {
    mistake_active = mistake;
    size_t noticed = 0;
    for (uint64_t seed = 1; seed <= worlds; ++seed) {
        FakeStore store(seed);
        for (size_t step = 0; step < kSteps && store.world.step(); ++step) {
        }
        noticed += !store.world.complaint().empty();
    }
    mistake_active = Mistake::kCount;
    return noticed;
}

TEST(CompactionPicker, MistakesAreNoticed) {
    EXPECT_GE(worlds_that_notice(Mistake::store_level0_older_left, 10), 8u);
    EXPECT_GE(worlds_that_notice(Mistake::store_remove_dropped_early, 10), 8u);
}

// Versions made by hand: of empty files that have bounds and sizes.
class HandMade {
  public:
    HandMade() {
        options_.memory_table_bytes = 1000;
        options_.level1_bytes = 4000;
        for (FamilyOptions& family : options_.families) {
            family.table_bytes_target = 1000;
            family.compression.fill(Compression::kNone);
        }
    }

    FileNumber add(size_t level, std::string smallest, std::string largest, uint64_t bytes = 1000,
                   uint64_t removes = 0) {
        FileMeta meta;
        meta.number = FileNumber(++files_);
        meta.smallest = std::move(smallest);
        meta.largest = std::move(largest);
        meta.file_bytes = bytes;
        meta.entries = 100;
        meta.removes = removes;
        meta.sequence_min = meta.sequence_max = Sequence(files_);
        VersionEdit edit;
        edit.added.push_back({static_cast<uint8_t>(level), meta});
        edit.sequence_last = edit.flushed = Sequence(files_);
        edit.file_next = FileNumber(files_ + 1);
        version_ = *version_->apply(edit, [](const FileMeta& its) {
            return Result<TableFileRef>(std::make_shared<TableFile>(its, nullptr, nullptr));
        });
        return meta.number;
    }

    std::optional<Compaction> pick(Sequence snapshot_oldest = kSequenceMax) const {
        std::optional<Compaction> picked =
            CompactionPicker(options_).pick({version_, claims_, snapshot_oldest});
        if (picked.has_value()) picked->check_invariants();
        return picked;
    }
    LevelShape shape() const { return level_shape(*version_, Family::kDefault, options_, claims_); }

    Options options_;
    CompactionClaims claims_;
    VersionRef version_ = std::make_shared<Version>();
    uint64_t files_ = 0;
};

std::vector<uint64_t> numbers_of(const std::vector<TableFileRef>& files) {
    std::vector<uint64_t> numbers;
    for (const TableFileRef& file : files) numbers.push_back(file->meta().number.value());
    return numbers;
}

using Numbers = std::vector<uint64_t>;

TEST(CompactionPicker, PicksNothingWhereNothingIsDue) {
    HandMade tree;
    EXPECT_FALSE(tree.pick().has_value());
    for (int file = 0; file < 3; ++file) tree.add(0, "a", "z");
    tree.add(6, "a", "z", 100'000);
    EXPECT_FALSE(tree.pick().has_value());
}

TEST(CompactionPicker, TakesAllOfLevel0ThatHangsTogether) {
    HandMade tree;
    tree.add(6, "c", "d");
    tree.add(6, "x", "y");
    tree.add(0, "a", "f");
    tree.add(0, "x", "z");
    tree.add(0, "e", "m");
    tree.add(0, "l", "p");
    const std::optional<Compaction> picked = tree.pick();
    ASSERT_TRUE(picked.has_value());
    EXPECT_EQ(numbers_of(picked->inputs_from), (Numbers{6, 5, 3}));
    EXPECT_EQ(numbers_of(picked->inputs_to), (Numbers{1}));
    EXPECT_EQ(picked->level_to, 6);
    // Beside it, the other file can go its own way.
    tree.claims_.claim(*picked);
    tree.add(0, "x", "z");
    tree.add(0, "x", "z");
    tree.add(0, "x", "z");
    const std::optional<Compaction> other = tree.pick();
    ASSERT_TRUE(other.has_value());
    EXPECT_EQ(numbers_of(other->inputs_from), (Numbers{9, 8, 7, 4}));
    tree.claims_.claim(*other);
    EXPECT_FALSE(tree.pick().has_value());
}

TEST(CompactionPicker, LeavesLevel0FilesThatAreNewerThanWhatIsFlushed) {
    HandMade tree;
    for (int file = 0; file < 4; ++file) tree.add(0, "a", "z");
    EXPECT_EQ(tree.pick()->inputs_from.size(), 4u);
    // An ingest, while older memory tables wait: as files 5 and 6, but not flushed.
    FileMeta meta = tree.version_->files(Family::kDefault, 0).front()->meta();
    meta.number = FileNumber(100);
    meta.sequence_min = meta.sequence_max = Sequence(100);
    VersionEdit edit;
    edit.added.push_back({0, meta});
    edit.sequence_last = Sequence(100);
    edit.file_next = FileNumber(101);
    tree.version_ = *tree.version_->apply(edit, [](const FileMeta& its) {
        return Result<TableFileRef>(std::make_shared<TableFile>(its, nullptr, nullptr));
    });
    EXPECT_EQ(numbers_of(tree.pick()->inputs_from), (Numbers{4, 3, 2, 1}));
}

TEST(CompactionPicker, MovesFilesThatMeetNothing) {
    HandMade tree;
    for (int file = 0; file < 4; ++file) {
        const std::string key(1, static_cast<char>('a' + file));
        tree.add(0, key, key);
    }
    const std::optional<Compaction> picked = tree.pick();
    ASSERT_TRUE(picked.has_value());
    EXPECT_TRUE(picked->move);
    const VersionEdit edit = picked->move_edit();
    EXPECT_EQ(edit.added.size(), picked->inputs_from.size());
    EXPECT_EQ(edit.added.front().level, 6);
    // Not if the levels are compressed differently.
    for (FamilyOptions& family : tree.options_.families) family.compression[6] = Compression::kLz4;
    EXPECT_FALSE(tree.pick()->move);
}

// Level 5 holds four files and is over its target; each meets another part of level 6.
TEST(CompactionPicker, TakesTheFileThatRewritesLeast) {
    HandMade tree;
    tree.add(6, "a", "b", 17'000);
    tree.add(6, "d", "e", 3000);
    tree.add(6, "g", "h", 10'000);
    tree.add(5, "a", "b", 5000);
    const FileNumber cheap = tree.add(5, "d", "e", 5000);
    tree.add(5, "g", "h", 5000);
    ASSERT_GT(tree.shape().scores[5], 1);
    EXPECT_EQ(numbers_of(tree.pick()->inputs_from), (Numbers{cheap.value()}));
    // What is on its way already counts no more.
    tree.claims_.claim(*tree.pick());
    EXPECT_EQ(numbers_of(tree.pick()->inputs_from), (Numbers{6}));
}

TEST(CompactionPicker, TakesNeighboursThatRewriteNothingMore) {
    HandMade tree;
    tree.add(6, "a", "f", 3000);
    tree.add(6, "m", "z", 30'000);
    tree.add(5, "a", "b", 4000);
    tree.add(5, "c", "d", 4000);
    tree.add(5, "e", "g", 4000);
    tree.add(5, "h", "n", 4000);
    const std::optional<Compaction> picked = tree.pick();
    ASSERT_TRUE(picked.has_value());
    EXPECT_EQ(numbers_of(picked->inputs_from), (Numbers{3, 4, 5}));
    EXPECT_EQ(numbers_of(picked->inputs_to), (Numbers{1}));
}

TEST(CompactionPicker, RewritesABottomFileForItsRemovesOnceNoSnapshotNeedsThem) {
    HandMade tree;
    tree.add(6, "a", "b", 1000, 50);
    EXPECT_FALSE(tree.pick(Sequence(0)).has_value());
    const std::optional<Compaction> picked = tree.pick();
    ASSERT_TRUE(picked.has_value());
    EXPECT_EQ(picked->reason, CompactionReason::kRemoves);
    EXPECT_EQ(picked->level_from, 6);
    EXPECT_EQ(picked->level_to, 6);
}

TEST(LevelShape, GrowsALevelWhenTheFactorsWouldBecomeTooLarge) {
    HandMade tree;
    const auto base_of = [&](uint64_t bytes) {
        HandMade grown;
        grown.add(6, "a", "b", bytes);
        return grown.shape().base;
    };
    // From 2,000 bytes on, by 5 at most.
    EXPECT_EQ(tree.shape().base, 6u);
    EXPECT_EQ(base_of(10'000), 6u);
    EXPECT_EQ(base_of(10'100), 5u);
    EXPECT_EQ(base_of(50'000), 5u);
    EXPECT_EQ(base_of(51'000), 4u);
    EXPECT_EQ(base_of(1'000'000'000'000), 1u);
}

TEST(LevelShape, KeepsALevelThatHoldsSomething) {
    HandMade tree;
    tree.add(6, "a", "b", 1000);
    tree.add(3, "a", "b", 100);
    EXPECT_EQ(tree.shape().base, 3u);
}

TEST(LevelShape, DebtIsWhatIsOverAndItsShareOfTheNextLevel) {
    HandMade tree;
    tree.add(6, "a", "z", 20'000);
    EXPECT_EQ(tree.shape().debt_bytes, 0u);
    tree.add(5, "a", "z", 4000);
    EXPECT_EQ(tree.shape().debt_bytes, 0u);
    for (int file = 0; file < 4; ++file) tree.add(0, "a", "z");
    // Level 0 and 5 into 5, which is then over its target, and that part into 6.
    const LevelShape shape = tree.shape();
    const double excess = 8000 - static_cast<double>(shape.targets[5]);
    EXPECT_GT(excess, 0);
    EXPECT_NEAR(static_cast<double>(shape.debt_bytes), 8000 + excess * (1 + 20'000.0 / 8000), 2);
}

TEST(CompactionClaims, AnOutputIsNoticedAtItsLevelAlone) {
    CompactionClaims claims;
    const CompactionClaims::Id id = claims.claim_output(Family::kLock, 4, {"c", "f"});
    EXPECT_TRUE(claims.output_overlaps(Family::kLock, 4, {"e", ""}));
    EXPECT_FALSE(claims.output_overlaps(Family::kLock, 4, {"f", "g"}));
    EXPECT_FALSE(claims.output_overlaps(Family::kLock, 5, {"e", ""}));
    EXPECT_FALSE(claims.output_overlaps(Family::kWrite, 4, {"e", ""}));
    claims.release(id);
    EXPECT_TRUE(claims.empty());
}

TEST(IngestLevel, IsTheDeepestWithNothingOfTheRangeInItOrAbove) {
    HandMade tree;
    tree.add(5, "a", "d");
    tree.add(6, "k", "p");
    const auto level = [&](KeyRange range) {
        return ingest_level(*tree.version_, tree.claims_, Family::kDefault, range);
    };
    EXPECT_EQ(level({"e", "f"}), 6u);
    EXPECT_EQ(level({"e", "l"}), 5u);
    EXPECT_EQ(level({"d", "f"}), 4u);
    tree.add(0, "e", "f");
    EXPECT_EQ(level({"f", "h"}), 0u);
    EXPECT_EQ(level({"g", "h"}), 6u);
    tree.claims_.claim_output(Family::kDefault, 3, {"g", "h"});
    EXPECT_EQ(level({"g", "h"}), 2u);
}

}  // namespace
}  // namespace timber::memtable
