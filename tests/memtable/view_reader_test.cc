#include "memtable/view_reader.h"

#include <gtest/gtest.h>

#include "tests/memtable/support/view_fixture.h"

namespace timber::memtable {
namespace {

constexpr Family kReadFamily = Family::kLock;

// The value, "absent", or the error's code.
std::string read(const View& view, std::string_view key, Sequence visible,
                 const FakeTables& tables) {
    PinnedValue value;
    const PointRead point{.family = kReadFamily, .key = key, .visible = visible};
    const Result<bool> found = read_view(view, point, value, tables);
    if (!found) return std::string(to_string(found.error().code));
    if (*found) return "'" + value.to_string() + "'";
    EXPECT_EQ(value.view(), "");
    return "absent";
}

std::string in_model(const Rows& rows, const std::string& key) {
    const auto found = rows.find(key);
    return found == rows.end() ? "absent" : "'" + found->second + "'";
}

TEST(ViewReader, EveryKeyAtEverySequenceReadsAsInTheHistory) {
    for (uint64_t seed = 0; seed < 1500; ++seed) {
        DrawnView drawn = DrawnView::sketched(seed, 120);
        for (uint64_t visible = 0; visible <= drawn.last.value(); ++visible) {
            const Rows rows = drawn.history.at(Sequence(visible));
            for (const std::string& key : drawn.keys)
                ASSERT_EQ(read(*drawn.view, key, Sequence(visible), *drawn.tables),
                          in_model(rows, key))
                    << "seed " << seed << " key " << key << " at " << visible;
        }
    }
}

// A read that fails at one of its steps says so, whatever other sources know of the key.
TEST(ViewReader, ATableThatFailsFailsTheReadsThatNeedIt) {
    size_t failed = 0;
    size_t answered = 0;
    for (uint64_t seed = 0; seed < 500; ++seed) {
        DrawnView drawn = DrawnView::sketched(seed, 120);
        const Rows rows = drawn.history.at(drawn.last);
        for (const std::string& key : drawn.keys) {
            for (uint64_t reads = 0;; ++reads) {
                drawn.tables->fail_after(reads, ErrorCode::kBusy);
                const std::string answer = read(*drawn.view, key, drawn.last, *drawn.tables);
                if (answer != to_string(ErrorCode::kBusy)) {
                    ASSERT_EQ(answer, in_model(rows, key)) << "seed " << seed;
                    ++answered;
                    break;
                }
                ++failed;
            }
        }
    }
    EXPECT_GT(failed, 1000u);
    EXPECT_GT(answered, 1000u);
}

// Places operations by hand: memory tables, files of level 0, and deeper ones.
class PlacedView : public testing::Test {
  protected:
    static HistoryOperation put(uint64_t sequence, std::string key, std::string value) {
        return {Sequence(sequence), WriteBatch::Kind::kPut, std::move(key), std::move(value)};
    }
    static HistoryOperation remove(uint64_t sequence, std::string key) {
        return {Sequence(sequence), WriteBatch::Kind::kRemove, std::move(key), {}};
    }
    static HistoryOperation remove_range(uint64_t sequence, std::string begin, std::string end) {
        return {Sequence(sequence), WriteBatch::Kind::kRemoveRange, std::move(begin),
                std::move(end)};
    }
    static TableContents holding(std::vector<HistoryOperation> operations) {
        TableContents contents;
        for (const HistoryOperation& operation : operations) add_operation(contents, operation);
        return contents;
    }
    std::string get(std::string_view key, uint64_t visible = 99) {
        if (view == nullptr) view = view_of(placement, kReadFamily, tables);
        tables.forget();
        return read(*view, key, Sequence(visible), tables);
    }

    Placement placement;
    FakeTables tables;
    ViewRef view;
};

// What an ingest leaves behind: [b, d) was replaced at 10, its files came at 11 to level 6, below
// a range remove that is older than they are and above everything that it hides.
TEST_F(PlacedView, AFileMayLieDeeperThanTheOlderRangeRemoveThatCoversItsKeys) {
    placement.memory[0] = holding({remove_range(10, "b", "d")});
    placement.memory.push_back(holding({put(9, "b", "old in memory")}));
    placement.levels[0].push_back(holding({remove_range(10, "b", "d")}));
    placement.levels[0].push_back(holding({put(8, "c", "old in level 0")}));
    placement.levels[2].push_back(holding({put(7, "b", "older"), put(6, "d", "not in the range")}));
    placement.levels[6].push_back(holding({put(11, "b", "new b"), put(11, "bb", "new bb")}));
    EXPECT_EQ(get("b"), "'new b'");
    EXPECT_EQ(get("bb"), "'new bb'");
    EXPECT_EQ(get("c"), "absent");
    EXPECT_EQ(get("d"), "'not in the range'");
    EXPECT_EQ(get("b", 10), "absent");
    EXPECT_EQ(get("b", 9), "'old in memory'");
    EXPECT_EQ(get("c", 9), "'old in level 0'");
    EXPECT_EQ(get("bb", 9), "absent");
}

// The entry is found first, in the very source of the range remove that hides it.
TEST_F(PlacedView, AnEntryThatIsHiddenInItsOwnSourceEndsNothing) {
    placement.memory[0] = holding({put(5, "b", "old"), remove_range(10, "b", "c")});
    placement.levels[6].push_back(holding({put(11, "b", "new")}));
    EXPECT_EQ(get("b"), "'new'");
    EXPECT_EQ(get("b", 10), "absent");
    EXPECT_EQ(get("b", 9), "'old'");
}

TEST_F(PlacedView, ARemoveEndsTheSearch) {
    placement.memory[0] = holding({remove(9, "a")});
    placement.levels[1].push_back(holding({put(5, "a", "old")}));
    EXPECT_EQ(get("a"), "absent");
    EXPECT_EQ(tables.touched().finds, 0u);
    EXPECT_EQ(get("a", 8), "'old'");
}

TEST_F(PlacedView, SourcesThatHoldNothingNewerThanTheCoverAreNotAsked) {
    placement.memory[0] = holding({remove_range(10, "b", "d")});
    placement.levels[0].push_back(holding({put(9, "c", "9"), put(3, "x", "3")}));
    placement.levels[1].push_back(holding({put(8, "c", "8"), put(3, "x", "3")}));
    placement.levels[2].push_back(holding({put(2, "b", "2"), put(11, "d", "11")}));
    placement.levels[3].push_back(holding({put(1, "c", "1")}));
    EXPECT_EQ(get("c"), "absent");
    EXPECT_EQ(tables.touched().files, std::set<uint64_t>({3}));
    EXPECT_EQ(get("c", 9), "'9'");
    EXPECT_EQ(tables.touched().finds, 1u);
}

TEST_F(PlacedView, OnlyFilesWhoseRangeHoldsTheKeyAreAsked) {
    placement.levels[0].push_back(holding({put(9, "k", "9"), put(3, "x", "3")}));
    placement.levels[0].push_back(holding({put(8, "a", "8"), put(3, "c", "3")}));
    placement.levels[1].push_back(holding({put(2, "a", "2"), put(2, "c", "2")}));
    placement.levels[1].push_back(holding({put(2, "e", "2"), put(2, "g", "2")}));
    EXPECT_EQ(get("d"), "absent");
    EXPECT_EQ(tables.touched().finds, 0u);
    EXPECT_EQ(get("b"), "absent");
    EXPECT_EQ(tables.touched().files, std::set<uint64_t>({2, 3}));
    EXPECT_EQ(get("c"), "'3'");
    EXPECT_EQ(tables.touched().files, std::set<uint64_t>({2}));
}

TEST_F(PlacedView, ARangeRemoveWithoutAnEndCoversAllBehindItsBegin) {
    placement.levels[0].push_back(holding({remove_range(10, "b", "")}));
    placement.levels[4].push_back(holding({put(2, "a", "a"), put(2, "zz", "zz")}));
    EXPECT_EQ(get("a"), "'a'");
    EXPECT_EQ(get("zz"), "absent");
    EXPECT_EQ(get("zz", 9), "'zz'");
}

TEST_F(PlacedView, AnEmptyValueIsAValue) {
    placement.levels[4].push_back(holding({put(2, "", "")}));
    EXPECT_EQ(get(""), "''");
}

// The value stays where it is, however long the view is gone.
TEST_F(PlacedView, APinnedValueOutlivesTheView) {
    placement.memory[0] = holding({put(1, "a", "in the active table")});
    placement.memory.push_back(holding({put(1, "b", "in a sealed table")}));
    placement.levels[3].push_back(holding({put(1, "c", "in a file")}));
    view = view_of(placement, kReadFamily, tables);
    PinnedValue values[3];
    for (size_t i = 0; i < 3; ++i) {
        const std::string key(1, static_cast<char>('a' + i));
        const PointRead point{.family = kReadFamily, .key = key, .visible = Sequence(1)};
        ASSERT_TRUE(*read_view(*view, point, values[i], tables));
    }
    view.reset();
    EXPECT_EQ(values[0].view(), "in the active table");
    EXPECT_EQ(values[1].view(), "in a sealed table");
    EXPECT_EQ(values[2].view(), "in a file");
}

}  // namespace
}  // namespace timber::memtable
