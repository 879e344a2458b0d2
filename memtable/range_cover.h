#pragma once
// The range removes of all sources of a read, as one answer: which sequence covers this key?
//
// Between two neighbouring ends of fragments, of whatever source, the answer is the same; such a
// stretch is remembered, so that a walk asks the sources only where one of them changes. Sources
// are single sets (of a memory table, a level-0 file) and the sets of a level's files, which lie
// one behind another and are looked up file by file, as the walk gets there.
//
// Thread:     one at a time.
// Lifetime:   files and tables outlive it; sets of memory tables are held.
// Invariants: RC1  the stretch is inside that of every source.
//             RC2  no remove newer than `visible` counts.
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "memtable/file_meta.h"
#include "memtable/level_iterator.h"
#include "memtable/range_removes.h"
#include "memtable/table_access.h"
#include "memtable/types.h"

namespace timber::memtable {

class RangeCover {
  public:
    explicit RangeCover(Sequence visible, const TableAccess& tables = open_tables())
        : visible_(visible), tables_(&tables) {}

    void add(std::shared_ptr<const RangeRemoveSet> set);
    void add(const TableFileRef& file);
    // Sorted, and each with range removes, which lie within the file's bounds. They outlive it.
    void add_level(std::span<const TableFileRef> files);
    bool empty() const { return sources_.empty(); }

    // The newest sequence that covers the key; 0 if none does.
    Sequence covering(std::string_view key) {
        if (key < stretch_.from || !before_end(key, stretch_.until) || !known_) [[unlikely]]
            find(key, false);
        return stretch_.by;
    }
    // That covers the keys just before `key`, which is not the empty key; an empty one here: the
    // end of all.
    Sequence covering_before(std::string_view key);

    // Around the key last asked for, where the answer is the same.
    const CoveredStretch& stretch() const { return stretch_; }
    // From the key last asked for, which is covered by more than `above`: how far on, and how far
    // back, this goes on, and by how much at least.
    CoveredStretch covered_onwards(Sequence above);
    CoveredStretch covered_backwards(Sequence above);

  private:
    using Fragment = RangeRemoveSet::Fragment;

    struct Source {
        std::shared_ptr<const RangeRemoveSet> held;
        std::span<const TableFileRef> files;  // of a level, otherwise empty
        std::span<const Fragment> fragments;
        size_t file = 0;  // whose fragments these are
        CoveredStretch stretch;
        bool known = false;
    };

    // Finds the stretch with the key in it or, with `before`, with the keys just before it.
    void find(std::string_view key, bool before);
    void find_in(Source& source, std::string_view key, bool before);
    void find_file(Source& source, std::string_view key, bool before);
    CoveredStretch gap_before(const Source& source, size_t fragment) const;
    Sequence newest_visible(const Fragment& fragment) const;
    std::span<const Fragment> fragments_of(const TableFile& file) const;

    Sequence visible_;
    const TableAccess* tables_;
    std::vector<Source> sources_;
    CoveredStretch stretch_;
    bool known_ = false;
};

}  // namespace timber::memtable
