#pragma once
// The entries of sorted files that do not overlap, one after another: of a level, or of a
// compaction's inputs from one. A file's iterator is made when the file is reached and let go of
// when it is left.
//
// A merger (merging_iterator.h) works on leaf(), the open file's own iterator, so that a step
// within a file costs it one call and not two; it comes back here when the leaf has ended.
//
// Thread:     one at a time.
// Lifetime:   files, tables and the bounds in the options outlive the iterator.
// Invariants: LI1  leaf() is null, or a valid or failed iterator of files[at]; moved by whoever
//                  uses it, it may also have ended.
// Failure:    a file that fails makes the iterator fail; status() is the file's.
#include <memory>
#include <span>
#include <string_view>

#include "memtable/file_meta.h"
#include "memtable/iterator.h"
#include "memtable/level_files.h"
#include "memtable/table_access.h"
#include "memtable/types.h"

namespace timber::memtable {

// Keys in [from, until), an empty end as for ranges, that are hidden where their sequence is below
// `by`.
struct CoveredStretch {
    std::string_view from;
    std::string_view until;
    Sequence by;
};

class LevelIterator final : public EntryIterator {
  public:
    // Files of later sequences than `visible` alone are passed over. `whole` is the level that the
    // files are a part of; without it they are searched one by one.
    LevelIterator(std::span<const TableFileRef> files, const TableReadOptions& options,
                  Sequence visible = kSequenceMax, const TableAccess& tables = open_tables(),
                  const LevelFiles* whole = nullptr);

    void seek_to_first() override;
    void seek_to_last() override;
    void seek(std::string_view target) override;
    void seek_for_prev(std::string_view target) override;
    void next() override;
    void prev() override;
    Status status() const override;
    void prepare_seek(std::string_view target) override;
    void settle() override;

    // As seek() and seek_for_prev(), but entries that the stretch, in which `target` lies, surely
    // hides may be passed over: files all of whose sequences are below it are not opened for them.
    void seek_covered(std::string_view target, const CoveredStretch& stretch);
    void seek_for_prev_covered(std::string_view target, const CoveredStretch& stretch);
    void seek_to_last_covered(const CoveredStretch& stretch);
    // The same onwards from the file that leaf() stands in, whose sequences are all below it.
    void skip_covered(const CoveredStretch& stretch);
    void skip_covered_for_prev(const CoveredStretch& stretch);

    EntryIterator* leaf() const { return leaf_.get(); }
    // leaf() has ended: on to the next file, or the one before, that has entries. Null at the end
    // and if it failed, which status() tells.
    EntryIterator* enter_next();
    EntryIterator* enter_prev();
    // Of the file that leaf() stands in.
    Sequence sequence_max() const { return files_[at_]->meta().sequence_max; }

  private:
    // The first file that may hold something at or behind a user key; one past the last if none.
    size_t file_reaching(std::string_view user_key) const;
    // One past the last file that may hold something at or before it.
    size_t files_beginning_by(std::string_view user_key) const;
    bool passed_over(size_t file) const;
    void open(size_t file);
    void close();
    // Whether leaf() is at an end and no error.
    bool leaf_ended() const;
    // Past files that turned out to have nothing there.
    void settle_next();
    void settle_prev();
    void enter_covered(size_t file, std::string_view target, const CoveredStretch& stretch);
    void enter_covered_for_prev(size_t files, std::string_view target,
                                const CoveredStretch& stretch);
    // Takes over the leaf's position.
    void show();

    std::span<const TableFileRef> files_;
    const LevelFiles* whole_;
    TableReadOptions options_;
    Sequence visible_;
    const TableAccess* tables_;
    size_t at_ = 0;
    std::unique_ptr<EntryIterator> leaf_;
    std::string target_;  // of a skip, kept for its memory
};

}  // namespace timber::memtable
