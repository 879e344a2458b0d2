// Tables of random content under random options, against a sorted map.
#include <gtest/gtest.h>

#include "tests/memtable/support/awkward_keys.h"
#include "tests/memtable/table_fixture.h"

namespace timber::memtable {
namespace {

class TableTwin {
  public:
    explicit TableTwin(uint64_t seed)
        : random_(seed),
          machine_(seed, random_.one_in(3) ? 4_KiB : 4_MiB),
          content_(random_content(random_, random_.between(1, 400))) {
        machine_.written("t", content_, random_table_options(random_));
    }

    void run() {
        machine_.job([&] {
            const uint64_t file_bytes = machine_.disk().image().bytes("t").size();
            if (content_.removes.empty() && random_.one_in(4)) override_ = Sequence(5'000);
            Result<std::shared_ptr<TableReader>> opened = machine_.open("t", file_bytes, override_);
            ASSERT_TRUE(opened.ok()) << opened.error().to_string();
            reader_ = *opened;
            check_summary();
            check_finds(300);
            check_walks();
            for (int i = 0; i < 3; ++i) check_moves(150);
            check_finds(100);
            if (!override_) {
                EXPECT_TRUE(reader_->verify().ok());
            }
            reader_.reset();
        });
        machine_.cache().check_invariants();
        EXPECT_EQ(machine_.cache().stats().bytes_reserved, 0u);
        EXPECT_EQ(machine_.disk().files_open(), 0u);
    }

  private:
    std::string some_key() {
        if (content_.entries.empty() || random_.one_in(3)) return awkward_key(random_);
        auto at = content_.entries.begin();
        std::advance(at, random_.below(content_.entries.size()));
        std::string key(user_key_of(at->first));
        if (random_.one_in(4)) key += '\0';
        if (random_.one_in(4) && !key.empty()) key.pop_back();
        return key;
    }
    Sequence some_sequence() {
        if (content_.entries.empty() || random_.one_in(4)) return kSequenceMax;
        auto at = content_.entries.begin();
        std::advance(at, random_.below(content_.entries.size()));
        const Sequence sequence = sequence_of(at->first);
        return random_.one_in(2) ? sequence : Sequence(sequence.value() - random_.below(2));
    }
    TableReadOptions some_read_options() {
        return {.fill_cache = random_.one_in(2),
                .readahead_bytes = random_.one_in(2) ? 0 : random_.below(100'000)};
    }

    void check_summary() {
        const TableSummary& summary = reader_->summary();
        EXPECT_EQ(summary.entries, content_.entries.size());
        const RangeRemoveSet expected(content_.removes);
        EXPECT_EQ(reader_->range_removes().to_removes(), expected.to_removes());
        for (const auto& [key, value] : content_.entries) {
            ASSERT_LE(summary.smallest, user_key_of(key));
            if (summary.largest_exclusive)
                ASSERT_TRUE(before_end(user_key_of(key), summary.largest));
            else
                ASSERT_GE(summary.largest, user_key_of(key));
        }
    }

    void check_finds(int count) {
        PinnedValue value;
        for (int i = 0; i < count; ++i) {
            const std::string key = some_key();
            const Sequence visible = some_sequence();
            const auto found = reader_->find(key, visible, some_read_options(), value);
            ASSERT_TRUE(found.ok()) << found.error().to_string();
            auto expected = content_.find(key, override_ ? kSequenceMax : visible);
            if (override_ && visible < *override_) expected = content_.entries.end();
            ASSERT_EQ(found->has_value(), expected != content_.entries.end());
            if (!*found) continue;
            EXPECT_EQ((*found)->sequence, override_.value_or(sequence_of(expected->first)));
            EXPECT_EQ((*found)->kind, kind_of(expected->first));
            EXPECT_EQ(value.view(), expected->second);
        }
    }

    // What the table shows for an entry of the map.
    std::string shown(const std::string& key) const {
        if (!override_) return key;
        return internal_key(user_key_of(key), override_->value(), kind_of(key));
    }

    void check_walks() {
        const auto iterator = reader_->new_iterator(some_read_options());
        auto expected = content_.entries.begin();
        for (iterator->seek_to_first(); iterator->valid(); iterator->next(), ++expected) {
            ASSERT_NE(expected, content_.entries.end());
            ASSERT_EQ(iterator->key(), shown(expected->first));
            ASSERT_EQ(iterator->value(), expected->second);
            if (random_.one_in(50)) iterator->settle();
        }
        ASSERT_TRUE(iterator->status().ok()) << iterator->status().error().to_string();
        ASSERT_EQ(expected, content_.entries.end());
        for (iterator->seek_to_last(); iterator->valid(); iterator->prev()) {
            ASSERT_NE(expected, content_.entries.begin());
            --expected;
            ASSERT_EQ(iterator->key(), shown(expected->first));
            ASSERT_EQ(iterator->value(), expected->second);
        }
        ASSERT_TRUE(iterator->status().ok()) << iterator->status().error().to_string();
        ASSERT_EQ(expected, content_.entries.begin());
    }

    // With an override, versions of a key have no order: only seeks to between keys are defined.
    std::string some_target() {
        if (override_)
            return internal_key(some_key(), random_.one_in(2) ? kSequenceMax.value() : 0,
                                kKindForSeek);
        return internal_key(some_key(), some_sequence().value(),
                            random_.one_in(4) ? EntryKind::kRemove : EntryKind::kPut);
    }

    void check_moves(int count) {
        const auto iterator = reader_->new_iterator(some_read_options());
        const auto& entries = content_.entries;
        auto at = entries.end();  // which stands for not valid
        const auto step_back = [&] { at = at == entries.begin() ? entries.end() : std::prev(at); };
        for (int i = 0; i < count; ++i) {
            const uint64_t move = random_.below(at == entries.end() ? 4 : 12);
            if (move == 0) {
                iterator->seek_to_first();
                at = entries.begin();
            } else if (move == 1) {
                iterator->seek_to_last();
                at = entries.end();
                step_back();
            } else if (move < 4) {
                const std::string target = some_target();
                if (random_.one_in(2)) iterator->prepare_seek(target);
                if (random_.one_in(4)) iterator->settle();
                if (move == 2) {
                    iterator->seek(target);
                    at = entries.lower_bound(target);
                } else {
                    iterator->seek_for_prev(target);
                    at = entries.upper_bound(target);
                    step_back();
                }
            } else if (move < 8) {
                iterator->next();
                ++at;
            } else {
                iterator->prev();
                step_back();
            }
            ASSERT_TRUE(iterator->status().ok()) << iterator->status().error().to_string();
            ASSERT_EQ(iterator->valid(), at != entries.end()) << "after move " << move;
            if (at == entries.end()) continue;
            ASSERT_EQ(iterator->key(), shown(at->first));
            ASSERT_EQ(iterator->value(), at->second);
        }
    }

    Random random_;
    TableMachine machine_;
    TableContent content_;
    std::optional<Sequence> override_;
    std::shared_ptr<TableReader> reader_;
};

TEST(TableTwin, AnswersAsASortedMapDoes) {
    for (uint64_t seed = 1; seed <= 150; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        TableTwin(seed).run();
        if (::testing::Test::HasFatalFailure()) return;
    }
}

}  // namespace
}  // namespace timber::memtable
