// What a compaction leaves out, against a brute-force twin: every reader that may exist sees the
// same as before, and nothing is kept that nobody needs.
#include "memtable/compaction_stream.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>

#include "src/base/mistake.h"
#include "tests/memtable/support/fake_tables.h"
#include "tests/memtable/support/history.h"
#include "tests/memtable/support/placement.h"

namespace timber::memtable {
namespace {

// What a reader at `visible` sees in the contents, by looking at everything.
Rows rows_at(const TableContents& contents, Sequence visible) {
    Rows rows;
    std::set<std::string> decided;
    EntryVector entries = contents.entries;
    sort_entries(entries);
    for (const auto& [key, value] : entries) {
        if (sequence_of(key) > visible) continue;
        const std::string user_key(user_key_of(key));
        if (!decided.insert(user_key).second) continue;
        const bool hidden = std::ranges::any_of(contents.removes, [&](const RangeRemove& remove) {
            return remove.sequence <= visible && remove.sequence > sequence_of(key) &&
                   user_key >= remove.begin && before_end(user_key, remove.end);
        });
        if (!hidden && kind_of(key) == EntryKind::kPut) rows[user_key] = value;
    }
    return rows;
}

void add_all(TableContents& to, const TableContents& from) {
    to.entries.insert(to.entries.end(), from.entries.begin(), from.entries.end());
    to.removes.insert(to.removes.end(), from.removes.begin(), from.removes.end());
}

// A history whose operations lie in three places: below the compaction, in its inputs, and in
// memory, not flushed yet. Below lie the oldest; memory may hold older ones than the inputs, as
// after an ingest.
class Scene {
  public:
    explicit Scene(uint64_t seed, bool bottom) : random_(seed) {
        const std::vector<std::string> keys = draw_keys(random_, random_.between(1, 12));
        history_ = draw_history(random_, keys, random_.between(1, 120), 8);
        const uint64_t last = history_.operations().size();
        last_ = Sequence(last);
        const Sequence below_until(bottom ? 0 : random_.below(last + 1));
        flushed_ = Sequence(random_.one_in(2) ? last : random_.between(below_until.value(), last));
        for (uint64_t sequence = 1; sequence < last; ++sequence)
            if (random_.one_in(last / 4 + 2)) snapshots_.push_back(Sequence(sequence));
        for (const HistoryOperation& operation : history_.operations())
            add_operation(place(operation.sequence, below_until), operation);
        put_below();
    }

    // Runs the stream; what is wrong with it, if anything is.
    std::optional<std::string> complaint() {
        compact();
        if (std::optional<std::string> wrong = wrong_rows()) return wrong;
        return needless();
    }
    bool has_output() const { return !output_.empty(); }
    size_t dropped() const { return read_ - output_.entries.size(); }

  private:
    TableContents& place(Sequence sequence, Sequence below_until) {
        if (sequence <= below_until) return below_;
        if (sequence > flushed_ && random_.one_in(2)) return memory_;
        return inputs_[random_.below(inputs_.size())];
    }

    void put_below() {
        std::vector<std::pair<size_t, TableFileRef>> files;
        if (!below_.empty()) {
            const size_t level = random_.between(5, 6);
            for (TableContents& piece : cut(below_, random_, 4))
                if (!piece.empty())
                    files.emplace_back(level, tables_.add(Family::kLock, std::move(piece)));
        }
        version_ = version_of(files);
    }

    void compact() {
        MergingIterator merged;
        std::vector<RangeRemove> removes;
        for (TableContents& input : inputs_) {
            sort_entries(input.entries);
            merged.add(std::make_unique<VectorIterator>(input.entries));
            removes.insert(removes.end(), input.removes.begin(), input.removes.end());
        }
        const DropRules rules(snapshots_, flushed_, RangeRemoveSet(removes));
        OlderData older(version_, Family::kLock, 5);
        output_.removes = rules.kept_range_removes(&older);
        CompactionStream stream(merged, rules, &older);
        stream.pause_at(random_.below(100));
        for (stream.begin(); stream.state() != CompactionStream::State::kEnd; stream.next()) {
            if (stream.state() == CompactionStream::State::kPaused) {
                stream.pause_at(stream.bytes_read() + random_.below(100));
                continue;
            }
            const bool same_key =
                !output_.entries.empty() &&
                user_key_of(output_.entries.back().first) == user_key_of(stream.key());
            EXPECT_EQ(stream.first_of_key(), !same_key);
            output_.entries.emplace_back(stream.key(), stream.value());
        }
        EXPECT_TRUE(merged.status().ok());
        read_ = stream.entries_read();
    }

    std::optional<std::string> wrong_rows() const {
        TableContents all = output_;
        add_all(all, below_);
        add_all(all, memory_);
        std::vector<Sequence> readers = snapshots_;
        readers.push_back(last_);
        for (Sequence reader : readers)
            if (rows_at(all, reader) != history_.at(reader))
                return "other rows at " + std::to_string(reader.value());
        return std::nullopt;
    }

    // Every put that is kept is seen by somebody; a remove that may go lies above something older.
    std::optional<std::string> needless() const {
        const Sequence oldest = snapshots_.empty() ? kSequenceMax : snapshots_.front();
        const Sequence removable = std::min(oldest, flushed_);
        for (const auto& [key, value] : output_.entries) {
            if (kind_of(key) == EntryKind::kPut && !seen(key)) return "a put that nobody sees";
            if (kind_of(key) == EntryKind::kRemove && sequence_of(key) <= removable &&
                !lies_above_file(user_key_of(key), std::string(user_key_of(key)) + '\0'))
                return "a remove above nothing";
        }
        for (const RangeRemove& remove : output_.removes)
            if (remove.sequence <= removable && !lies_above_file(remove.begin, remove.end))
                return "a range remove above nothing";
        return std::nullopt;
    }

    bool seen(const std::string& key) const {
        std::vector<Sequence> readers = snapshots_;
        readers.push_back(last_);
        TableContents inputs;
        for (const TableContents& input : inputs_) add_all(inputs, input);
        return std::ranges::any_of(readers, [&](Sequence reader) {
            if (sequence_of(key) > reader) return false;
            TableContents marked = inputs;
            for (auto& [other, value] : marked.entries)
                if (other == key) value = "marked";
            return rows_at(inputs, reader) != rows_at(marked, reader);
        });
    }

    bool lies_above_file(std::string_view begin, std::string_view end) const {
        for (size_t level = 5; level < kLevels; ++level)
            for (const TableFileRef& file : version_->files(Family::kLock, level))
                if (file->meta().overlaps(begin, end)) return true;
        return false;
    }

    Random random_;
    FakeTables tables_;
    History history_;
    Sequence last_;
    Sequence flushed_;
    std::vector<Sequence> snapshots_;
    TableContents below_;
    TableContents memory_;
    std::array<TableContents, 4> inputs_;
    VersionRef version_;
    TableContents output_;
    size_t read_ = 0;
};

// What is wrong in the first scenes of many that is.
std::optional<std::string> complaint_in(uint64_t scenes) {
    for (uint64_t seed = 1; seed <= scenes; ++seed)
        if (std::optional<std::string> wrong = Scene(seed, seed % 2 == 0).complaint())
            return *wrong + ", seed " + std::to_string(seed);
    return std::nullopt;
}

TEST(CompactionStream, LeavesWhatReadersSeeAndNothingElse) {
    EXPECT_EQ(complaint_in(3000), std::nullopt);
}

TEST(CompactionStream, TwinNoticesARemoveDroppedEarly) {
    mistake_active = Mistake::store_remove_dropped_early;
    const std::optional<std::string> wrong = complaint_in(50);
    mistake_active = Mistake::kCount;
    EXPECT_TRUE(wrong.has_value());
}

class Merge {
  public:
    // "key@sequence" is a put, "-key@sequence" a remove.
    explicit Merge(std::initializer_list<std::string> entries) {
        for (std::string text : entries) {
            const EntryKind kind = text.front() == '-' ? EntryKind::kRemove : EntryKind::kPut;
            if (kind == EntryKind::kRemove) text.erase(0, 1);
            const size_t at = text.find('@');
            std::string key;
            append_internal_key(key, text.substr(0, at), Sequence(std::stoull(text.substr(at + 1))),
                                kind);
            entries_.emplace_back(key, kind == EntryKind::kPut ? "value" : "");
        }
        sort_entries(entries_);
    }

    // What is kept at the bottom, in the same notation.
    std::string kept(std::vector<Sequence> snapshots, std::vector<RangeRemove> removes = {},
                     Sequence flushed = kSequenceMax) {
        MergingIterator merged;
        merged.add(std::make_unique<VectorIterator>(entries_));
        const DropRules rules(std::move(snapshots), flushed, RangeRemoveSet(std::move(removes)));
        OlderData older(std::make_shared<Version>(), Family::kDefault, 1);
        CompactionStream stream(merged, rules, &older);
        stream.pause_at(UINT64_MAX);
        std::string kept;
        for (stream.begin(); stream.state() == CompactionStream::State::kEntry; stream.next()) {
            if (!kept.empty()) kept += ' ';
            if (kind_of(stream.key()) == EntryKind::kRemove) kept += '-';
            kept += user_key_of(stream.key());
            kept += '@' + std::to_string(sequence_of(stream.key()).value());
        }
        return kept;
    }

  private:
    EntryVector entries_;
};

TEST(CompactionStream, KeepsTheNewestVersionOfEachStripe) {
    Merge merge{"a@1", "a@2", "a@3", "a@4", "a@5"};
    EXPECT_EQ(merge.kept({}), "a@5");
    EXPECT_EQ(merge.kept({Sequence(2)}), "a@5 a@2");
    EXPECT_EQ(merge.kept({Sequence(2), Sequence(4)}), "a@5 a@4 a@2");
    EXPECT_EQ(merge.kept({Sequence(5)}), "a@5");
}

TEST(CompactionStream, KeepsARemoveWhileASnapshotSeesBehindIt) {
    Merge merge{"a@1", "-a@3", "b@2"};
    EXPECT_EQ(merge.kept({}), "b@2");
    EXPECT_EQ(merge.kept({Sequence(1)}), "-a@3 a@1 b@2");
    EXPECT_EQ(merge.kept({Sequence(3)}), "b@2");
}

TEST(CompactionStream, KeepsARemoveWhileOlderDataMayWaitInMemory) {
    Merge merge{"a@1", "-a@3"};
    EXPECT_EQ(merge.kept({}, {}, Sequence(3)), "");
    EXPECT_EQ(merge.kept({}, {}, Sequence(2)), "-a@3");
}

TEST(CompactionStream, DropsWhatARangeRemoveOfTheSameStripeCovers) {
    Merge merge{"a@1", "b@2", "b@6", "c@3", "d@4"};
    const std::vector<RangeRemove> removes = {{"b", "d", Sequence(5)}};
    EXPECT_EQ(merge.kept({}, removes), "a@1 b@6 d@4");
    EXPECT_EQ(merge.kept({Sequence(2)}, removes), "a@1 b@6 b@2 d@4");
    EXPECT_EQ(merge.kept({Sequence(5)}, removes), "a@1 b@6 d@4");
}

FileMeta file_of(std::string smallest, std::string largest, uint64_t first, uint64_t last) {
    FileMeta meta;
    meta.smallest = std::move(smallest);
    meta.largest = std::move(largest);
    meta.sequence_min = Sequence(first);
    meta.sequence_max = Sequence(last);
    return meta;
}

TEST(DropRules, HidesAFileThatRangeRemovesCoverWithoutAGap) {
    const FileMeta file = file_of("c", "k", 3, 7);
    const auto hides = [&](std::vector<RangeRemove> removes, std::vector<Sequence> snapshots = {}) {
        return DropRules(std::move(snapshots), kSequenceMax, RangeRemoveSet(std::move(removes)))
            .hides_all_of(file);
    };
    EXPECT_TRUE(hides({{"c", "l", Sequence(8)}}));
    EXPECT_TRUE(hides({{"a", "", Sequence(8)}}));
    EXPECT_TRUE(hides({{"a", "f", Sequence(8)}, {"f", "z", Sequence(9)}}));
    EXPECT_FALSE(hides({{"a", "f", Sequence(8)}, {"g", "z", Sequence(9)}}));
    EXPECT_FALSE(hides({{"c", "k", Sequence(8)}}));  // not k itself
    EXPECT_FALSE(hides({{"d", "z", Sequence(8)}}));
    EXPECT_FALSE(hides({{"a", "z", Sequence(7)}}));
    EXPECT_FALSE(hides({{"a", "z", Sequence(8)}}, {Sequence(7)}));
    EXPECT_FALSE(hides({{"a", "z", Sequence(8)}}, {Sequence(3)}));
    EXPECT_TRUE(hides({{"a", "z", Sequence(8)}}, {Sequence(2)}));
    EXPECT_TRUE(hides({{"a", "z", Sequence(8)}}, {Sequence(8)}));
    EXPECT_FALSE(hides({}));
}

}  // namespace
}  // namespace timber::memtable
