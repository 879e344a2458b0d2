// What the shape of the levels and the choice of files cost, without any I/O: a random fill of keys
// in a model of the tree that uses the real shape, picker and cuts.
#include <gtest/gtest.h>

#include <algorithm>

#include "src/base/random.h"
#include "tests/memtable/tree_model.h"

namespace timber::memtable {
namespace {

constexpr size_t kKeysPerTable = 1000;

Options model_options() {
    Options options;
    options.memory_table_bytes = kKeysPerTable * TreeModel::kEntryBytes;
    options.level1_bytes = 4 * options.memory_table_bytes;
    for (FamilyOptions& family : options.families)
        family.table_bytes_target = options.memory_table_bytes;
    return options;
}

struct Fill {
    size_t tables;
    // Bytes that compactions may write for each byte flushed: below what they need, they fall
    // behind, as in a store that is filled as fast as it goes.
    double compaction_share;
};

TreeModel filled(const Fill& fill, uint64_t seed) {
    TreeModel model(model_options());
    Random random(seed);
    const double table_bytes = kKeysPerTable * TreeModel::kEntryBytes;
    double budget = 0;
    for (size_t table = 0; table < fill.tables; ++table) {
        std::vector<uint64_t> keys;
        for (size_t key = 0; key < kKeysPerTable; ++key) keys.push_back(random.next());
        model.flush(std::move(keys));
        budget = std::min(budget, 0.0) + fill.compaction_share * table_bytes;
        const size_t level0_stop = model_options().level0_files_stop;
        while (budget > 0 || model.version()->files(Family::kDefault, 0).size() >= level0_stop) {
            const std::optional<uint64_t> written = model.compact();
            if (!written.has_value()) break;
            budget -= static_cast<double>(*written);
        }
    }
    model.settle();
    EXPECT_EQ(model.keys(), fill.tables * kKeysPerTable);
    return model;
}

// The figures beside are those of levels of fixed sizes (a first of four memory tables, each ten
// times the one before), with the same choice of files and the same cuts, in the same model.
TEST(WriteAmplification, OfARandomFillStaysBelowThatOfFixedLevels) {
    constexpr double kKeepsUp = 1e9;
    const struct {
        Fill fill;
        double most;
    } cases[] = {
        {{12, kKeepsUp}, 3.05},   // 3.33
        {{20, kKeepsUp}, 3.15},   // 3.87
        {{40, kKeepsUp}, 4.45},   // 5.05
        {{70, kKeepsUp}, 4.65},   // 5.79
        {{100, kKeepsUp}, 5.6},   // 6.41
        {{400, kKeepsUp}, 7.95},  // 9.76
        {{20, 3}, 3.15},          // 3.87
        {{100, 3}, 5.1},          // 4.99
    };
    for (const auto& [fill, most] : cases)
        for (uint64_t seed = 1; seed <= 3; ++seed) {
            SCOPED_TRACE(testing::Message() << fill.tables << " tables, seed " << seed);
            EXPECT_LE(filled(fill, seed).write_amplification(), most);
        }
}

TEST(WriteAmplification, OfAFillInOrderIsThatOfTheFlush) {
    TreeModel model(model_options());
    uint64_t next = 0;
    for (size_t table = 0; table < 100; ++table) {
        std::vector<uint64_t> keys;
        for (size_t key = 0; key < kKeysPerTable; ++key) keys.push_back(++next);
        model.flush(std::move(keys));
        model.settle();
    }
    // From level 1 to 2 files are compressed.
    EXPECT_LE(model.write_amplification(), 2.01);
}

TEST(WriteAmplification, OfManySmallFlushesIsNotThatOfRewritingALevelForEach) {
    TreeModel model(model_options());
    Random random(1);
    for (size_t table = 0; table < 20 * 64; ++table) {
        std::vector<uint64_t> keys;
        for (size_t key = 0; key < kKeysPerTable / 64; ++key) keys.push_back(random.next());
        model.flush(std::move(keys));
        model.settle();
        EXPECT_LT(model.version()->files(Family::kDefault, 0).size(),
                  model_options().level0_files_slow);
    }
    EXPECT_LE(model.write_amplification(), 10);
}

TEST(WriteAmplification, NoCompactionIsMuchLargerThanItsLevels) {
    const TreeModel model = filled({100, 1e9}, 1);
    const uint64_t table_bytes = kKeysPerTable * TreeModel::kEntryBytes;
    EXPECT_LE(model.largest_compaction(), 40 * table_bytes);
}

}  // namespace
}  // namespace timber::memtable
