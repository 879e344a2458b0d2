#include "memtable/level_iterator.h"

#include <gtest/gtest.h>

#include "src/base/random.h"
#include "tests/memtable/support/fake_tables.h"
#include "tests/memtable/support/history.h"
#include "tests/memtable/support/internal_keys.h"
#include "tests/memtable/support/placement.h"

namespace timber::memtable {
namespace {

// Files 1, 2, 3 with two keys each, newer from file to file; then file 4, which only removes.
class LevelIteratorTest : public testing::Test {
  protected:
    LevelIteratorTest() {
        add("b", "d", 10);
        add("f", "h", 20);
        add("j", "l", 30);
        files.push_back(tables.add(Family::kDefault, {{}, {{"m", "p", Sequence(40)}}}));
        add("r", "t", 50);
    }
    void add(std::string_view first, std::string_view last, uint64_t sequence) {
        files.push_back(tables.add(
            Family::kDefault,
            {{{internal_key(first, sequence), "1"}, {internal_key(last, sequence), "2"}}, {}}));
    }
    std::unique_ptr<LevelIterator> make(Sequence visible = kSequenceMax) {
        return std::make_unique<LevelIterator>(files, TableReadOptions{}, visible, tables);
    }
    std::string place(const LevelIterator& iterator) {
        if (!iterator.valid()) return iterator.status().ok() ? "end" : "failed";
        return std::string(user_key_of(iterator.key()));
    }
    std::set<uint64_t> opened() {
        const std::set<uint64_t> files_opened = tables.touched().files;
        tables.forget();
        return files_opened;
    }
    using Files = std::set<uint64_t>;

    FakeTables tables;
    std::vector<TableFileRef> files;
};

TEST_F(LevelIteratorTest, AFileIsOpenedWhenItIsReached) {
    const auto level = make();
    EXPECT_EQ(opened(), Files());
    level->seek(internal_key("g", 99));
    EXPECT_EQ(place(*level), "h");
    EXPECT_EQ(opened(), Files({2}));
    level->next();
    EXPECT_EQ(place(*level), "j");
    EXPECT_EQ(opened(), Files({3}));
    level->next();
    EXPECT_EQ(place(*level), "l");
    EXPECT_EQ(opened(), Files());
    level->next();  // file 4 holds no entry
    EXPECT_EQ(place(*level), "r");
    EXPECT_EQ(opened(), Files({5}));
    level->prev();
    EXPECT_EQ(place(*level), "l");
    EXPECT_EQ(opened(), Files({3}));
}

TEST_F(LevelIteratorTest, ASeekBetweenFilesGoesToTheNextOne) {
    const auto level = make();
    level->seek(internal_key("e", 1));
    EXPECT_EQ(place(*level), "f");
    level->seek_for_prev(internal_key("e", 1));
    EXPECT_EQ(place(*level), "d");
    level->seek(internal_key("n", 1));
    EXPECT_EQ(place(*level), "r");
    level->seek_for_prev(internal_key("n", 1));
    EXPECT_EQ(place(*level), "l");
    level->seek(internal_key("u", 1));
    EXPECT_EQ(place(*level), "end");
    level->seek_for_prev(internal_key("a", 1));
    EXPECT_EQ(place(*level), "end");
}

TEST_F(LevelIteratorTest, AnOlderVersionThanAFileHasOfItsLastKeyLeadsToTheNextFile) {
    const auto level = make();
    level->seek(internal_key("d", 9));
    EXPECT_EQ(place(*level), "f");
    level->seek_for_prev(internal_key("f", 21));
    EXPECT_EQ(place(*level), "d");
}

TEST_F(LevelIteratorTest, FilesThatAreNotVisibleYetAreNotOpened) {
    const auto level = make(Sequence(25));
    level->seek(internal_key("h", 1));
    EXPECT_EQ(place(*level), "end");
    level->seek_to_last();
    EXPECT_EQ(place(*level), "h");
    EXPECT_EQ(opened(), Files({2}));
}

TEST_F(LevelIteratorTest, CoveredFilesAreNotOpened) {
    const CoveredStretch stretch{"c", "s", Sequence(25)};
    const auto level = make();
    level->seek_covered(internal_key("c", 99), stretch);  // files 1 and 2 are older
    EXPECT_EQ(place(*level), "j");
    EXPECT_EQ(opened(), Files({3}));
    level->seek_to_first();
    opened();
    level->skip_covered(stretch);
    EXPECT_EQ(place(*level), "j");
    EXPECT_EQ(opened(), Files({3}));

    const CoveredStretch newer{"c", "s", Sequence(60)};
    level->seek_covered(internal_key("c", 99), newer);
    EXPECT_EQ(place(*level), "t");
    EXPECT_EQ(opened(), Files({5}));
    level->seek_for_prev_covered(internal_key("r", 99), newer);
    EXPECT_EQ(place(*level), "b");
    EXPECT_EQ(opened(), Files({1}));
    level->seek_to_last();
    opened();
    level->skip_covered_for_prev(newer);
    EXPECT_EQ(place(*level), "b");
    EXPECT_EQ(opened(), Files({1}));
}

TEST_F(LevelIteratorTest, ACoverWithoutAnEndHidesTheRest) {
    const auto level = make();
    level->seek_covered(internal_key("c", 99), {"c", "", Sequence(60)});
    EXPECT_EQ(place(*level), "end");
    level->seek_for_prev_covered(internal_key("k", 99), {"", "l", Sequence(60)});
    EXPECT_EQ(place(*level), "end");
    level->seek_to_last_covered({"", "", Sequence(45)});
    EXPECT_EQ(place(*level), "t");
    EXPECT_EQ(opened(), Files({5}));
}

TEST_F(LevelIteratorTest, AFileThatFailsIsNotPassedOver) {
    const auto level = make();
    level->seek(internal_key("h", 99));
    tables.fail_after(0, ErrorCode::kBusy);
    level->next();
    EXPECT_EQ(place(*level), "failed");
    EXPECT_EQ(level->status().error().code, ErrorCode::kBusy);
    EXPECT_EQ(level->enter_next(), nullptr);
    EXPECT_EQ(place(*level), "failed");
    tables.fail_after(std::nullopt);
    level->seek(internal_key("h", 1));
    EXPECT_EQ(place(*level), "j");
}

TEST_F(LevelIteratorTest, ALevelWithoutFilesIsAtBothEnds) {
    files.clear();
    const auto level = make();
    level->seek_to_first();
    EXPECT_EQ(place(*level), "end");
    level->seek_to_last();
    EXPECT_EQ(place(*level), "end");
    level->seek(internal_key("a", 1));
    EXPECT_EQ(place(*level), "end");
}

// Against one iterator over all entries.
TEST(LevelIterator, WalksAsOneFileWould) {
    for (uint64_t seed = 0; seed < 1000; ++seed) {
        Random random(seed);
        const std::vector<std::string> keys = draw_keys(random, 1 + random.below(30));
        TableContents whole;
        const History history = draw_history(random, keys, random.below(60), 5);
        for (const HistoryOperation& operation : history.operations())
            add_operation(whole, operation);
        FakeTables tables(2);
        std::vector<TableFileRef> files;
        for (TableContents& piece : cut(whole, random, 7))
            files.push_back(tables.add(Family::kDefault, std::move(piece)));
        const LevelFilesRef sorted = *LevelFiles::make(LevelFiles::Order::kByKey, files);
        LevelIterator level(sorted->files(), {}, kSequenceMax, tables,
                            random.one_in(2) ? sorted.get() : nullptr);
        VectorIterator twin(whole.entries);
        for (int step = 0; step < 80; ++step) {
            const std::string target =
                internal_key(keys[random.below(keys.size())], random.below(70));
            const uint64_t move = random.below(twin.valid() ? 12 : 4);
            for (EntryIterator* iterator : std::initializer_list<EntryIterator*>{&level, &twin}) {
                switch (move) {
                    case 0: iterator->seek_to_first(); break;
                    case 1: iterator->seek_to_last(); break;
                    case 2: iterator->seek(target); break;
                    case 3: iterator->seek_for_prev(target); break;
                    default: move % 2 == 0 ? iterator->next() : iterator->prev(); break;
                }
            }
            ASSERT_TRUE(level.status().ok());
            ASSERT_EQ(level.valid(), twin.valid()) << "seed " << seed << " step " << step;
            if (!twin.valid()) continue;
            ASSERT_EQ(level.key(), twin.key()) << "seed " << seed << " step " << step;
            ASSERT_EQ(level.value(), twin.value());
        }
    }
}

}  // namespace
}  // namespace timber::memtable
