#pragma once
// Chooses the files of a compaction in one family: for the picker, which decides what to look for.
//
// Thread:   the loop.
// Lifetime: everything it was made from outlives it.
#include <optional>
#include <span>
#include <vector>

#include "memtable/compaction.h"
#include "memtable/compaction_picker.h"
#include "memtable/level_shape.h"
#include "memtable/options.h"

namespace timber::memtable {

// A compaction takes along so many bytes at most beyond what it has to.
inline constexpr uint64_t kExpandTables = 16;
// An output file, or one that is moved, overlaps so many target sizes of the level after at most.
inline constexpr uint64_t kGrandparentTables = 12;

class CompactionInputs {
  public:
    CompactionInputs(const PickInputs& inputs, Family family, const Options& options);

    const LevelShape& shape() const { return shape_; }

    // Files of level 0 down to the base level, as many as can go.
    std::optional<Compaction> level0() const;
    // Neighbours in age of level 0 into one file of level 0, if those together are small.
    std::optional<Compaction> merge0() const;
    // Whether level 0 holds so little that bringing it down now would cost far more than waiting.
    bool level0_small() const;
    // The cheapest file of a level, not 0 and not the last, down to the next one.
    std::optional<Compaction> cheapest(size_t level) const;
    // Files for the sake of their removes.
    std::optional<Compaction> removes() const;
    // What of a level is in the range and not newer than `up_to` down to the next one. `blocked` is
    // set if there is any that cannot go now.
    std::optional<Compaction> range_down(size_t level, const RangeRequest& request,
                                         bool& blocked) const;
    // The same for files of the last level in use that hold removes: into itself.
    std::optional<Compaction> range_rewritten(size_t level, const RangeRequest& request,
                                              bool& blocked) const;

  private:
    using Files = std::vector<TableFileRef>;
    // Files of level 0 that hang together by overlaps.
    struct Component {
        Files files;  // newest first
        KeyRange range;
        uint64_t bytes = 0;
        bool busy = false;
    };

    std::span<const TableFileRef> level(size_t number) const;
    bool busy(const TableFileRef& file) const { return claims_.busy(file->meta().number); }
    bool any_busy(std::span<const TableFileRef> files) const;
    std::span<const TableFileRef> overlapping(size_t level, const KeyRange& range) const;
    size_t level_below(size_t level) const { return level == 0 ? shape_.base : level + 1; }
    uint64_t target_bytes() const {
        return options_.families[index_of(family_)].table_bytes_target;
    }

    std::vector<Component> components() const;
    // Down from `level`; nothing if something under way stands against it.
    std::optional<Compaction> down(size_t from, Files files, KeyRange range,
                                   CompactionReason reason) const;
    bool may_go_down(size_t to, const KeyRange& range) const;
    void expand(Compaction& compaction) const;
    bool movable(size_t from, const Compaction& compaction) const;
    void add_movable(Compaction& compaction) const;
    std::optional<Compaction> rewritten(size_t level, const TableFileRef& file,
                                        CompactionReason reason) const;
    bool overlaps_below(size_t level, const KeyRange& range) const;
    bool droppable(size_t level, const FileMeta& file) const;
    std::optional<Compaction> removes_of(size_t level, const TableFileRef& file) const;

    const Options& options_;
    const VersionRef& version_;
    const CompactionClaims& claims_;
    const Sequence snapshot_oldest_;
    const Family family_;
    const LevelShape shape_;
};

}  // namespace timber::memtable
