#pragma once
// The visible keys of one family as of one sequence: the merged entries of a view, without what is
// newer, older versions of a key, removes and what they hide.
//
// Forward it stands on the entry that it shows, so nothing is copied but the key, when it moves on.
// Backward, a key's newest version comes last, so it stands before all versions of the key and
// keeps a copy of the one that it shows.
//
// Bounds go down to where they save most: sources outside are not there at all, a level has only
// the files inside, and a table is told where it may end. Under a range remove, a source that holds
// nothing newer is not walked but sought to the end of what is covered, and files that lie inside
// are not opened.
//
// Thread:     one at a time. Moves may wait for I/O, from jobs, unless cache_only.
// Lifetime:   holds the view, and copies of the bounds.
// Invariants: SI1  forward and valid: the merger stands on the entry that is shown.
//             SI2  backward and valid: the merger stands before all versions of the key shown.
// Failure:    not valid, and status() says why, until the next seek: whatever comes first after
//             that place is unknown if one source cannot be read.
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "memtable/key_prefix.h"
#include "memtable/merging_iterator.h"
#include "memtable/range_cover.h"
#include "memtable/store.h"
#include "memtable/table_access.h"
#include "memtable/types.h"
#include "memtable/view.h"

namespace timber::memtable {

class StoreIteratorImpl final : public StoreIterator {
  public:
    // Of `options` everything counts but the snapshot, for which `visible` stands.
    StoreIteratorImpl(ViewRef view, Family family, Sequence visible, const ReadOptions& options,
                      const TableAccess& tables = open_tables());

    bool valid() const override { return valid_; }
    std::string_view key() const override { return key_; }
    std::string_view value() const override { return value_; }

    void seek_to_first() override;
    void seek_to_last() override;
    void seek(std::string_view key) override;
    void seek_for_prev(std::string_view key) override;
    void next() override;
    void prev() override;
    Status status() const override { return failed_ ? merger_.status() : Status(); }

    size_t sources() const { return merger_.children(); }
    void check_invariants() const;

  private:
    // store_iterator_sources.cc
    void add_sources();
    void add_memory_table(const MemoryTable& table);
    void add_level0();
    void add_level(size_t level);
    void add_child(std::unique_ptr<EntryIterator> child, Sequence sequence_max);

    void prepare();
    // Places every source at the internal key, or, where a range remove hides all that it has
    // there, at the end of that.
    void place_forward(std::string_view key, Sequence sequence, EntryKind kind);
    // At or before the last version of `key`; with `before`, before the first, and an empty key is
    // then the end of all.
    void place_backward(std::string_view key, bool before);

    // From the merger's place on to the first entry to show; with `passing`, past what is left of
    // saved_key_.
    void find_next(bool passing);
    // Whether the merger's entry is hidden; if so, past it, and `passing` tells as above.
    bool skip_hidden(std::string_view user_key, Sequence sequence, bool& passing);
    // Past the merger's entry, one of many of its key, towards (user_key, sequence, kind).
    void pass_version(size_t& steps, std::string_view user_key, Sequence sequence, EntryKind kind);

    // From the merger's place backward to the first key to show.
    void find_prev();
    // Whether everything that the merger's current child has here is hidden; if so, past that.
    bool skip_hidden_backward(std::string_view user_key, Sequence sequence);
    // Passes all versions of saved_key_. Whether the newest visible one is to be shown.
    bool collect_versions();
    void pass_version_backward(size_t& steps, Sequence sequence);

    bool behind_upper(std::string_view user_key) const;
    bool before_lower(std::string_view user_key) const;
    // Of everything that the merger's current child has at its place.
    Sequence current_sequence_max() const;
    // Cut off at the bounds: no end, if nothing behind it can matter.
    CoveredStretch within_bounds(CoveredStretch stretch) const;
    bool at_saved_key(std::string_view user_key) const {
        return merger_.prefix() == saved_prefix_ && same_after_prefix(user_key, saved_key_.view());
    }
    void save_key(std::string_view user_key) {
        saved_key_.assign(user_key);
        saved_prefix_ = merger_.prefix();
    }
    void end() {
        valid_ = false;
        failed_ = false;
    }
    // Of a merger that is not valid.
    void end_or_fail() {
        valid_ = false;
        failed_ = merger_.failed();
    }

    ViewRef view_;
    Family family_;
    Sequence visible_;
    std::string lower_;
    std::string upper_;
    uint64_t lower_prefix_ = 0;
    uint64_t upper_prefix_ = UINT64_MAX;
    TableReadOptions options_;
    const TableAccess* tables_;

    MergingIterator merger_;
    std::vector<Sequence> sequence_max_;  // of each child that is no level
    RangeCover cover_;
    bool covered_ = false;  // whether there is any range remove

    bool valid_ = false;
    bool failed_ = false;
    bool forward_ = true;
    std::string_view key_;
    std::string_view value_;
    // Forward: the key that is being passed. Backward: the key that is shown.
    KeyCopy saved_key_;
    uint64_t saved_prefix_ = 0;
    std::string saved_value_;  // backward: the value that is shown
    // Internal keys to seek, kept for their memory.
    std::string target_;
    std::string target_covered_;
};

}  // namespace timber::memtable
