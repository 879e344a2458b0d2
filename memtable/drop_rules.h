#pragma once
// What a flush or a compaction may leave out.
//
// The snapshots that are held divide all sequences into stripes: (0, s1], (s1, s2], ... and what is
// newer than all of them. Readers look from the end of a stripe, or from beyond all. So within a
// stripe nobody needs anything but the newest version of a key, and nobody needs what a range
// remove of the same stripe hides. A remove itself can go if it is in the oldest stripe, where
// nothing older is kept beside it, and nothing older lies below; nor may anything older still wait
// in memory (an ingest's removes are in files before older memory tables are).
//
// Thread: one job.
#include <string_view>
#include <vector>

#include "memtable/file_meta.h"
#include "memtable/older_data.h"
#include "memtable/range_removes.h"
#include "memtable/types.h"

namespace timber::memtable {

class DropRules {
  public:
    // `snapshots` ascending; `flushed`: nothing older than it waits in memory besides what the job
    // itself writes; `covers`: the range removes of all inputs.
    DropRules(std::vector<Sequence> snapshots, Sequence flushed, RangeRemoveSet covers);

    // The stripe that holds a sequence, named by its end.
    Sequence stripe_of(Sequence sequence) const {
        if (sequence > snapshot_newest_) [[likely]]
            return kSequenceMax;
        return search_stripe(sequence);
    }
    // Up to here, a remove may go if nothing older lies below.
    Sequence removable() const { return removable_; }
    const RangeRemoveSet& covers() const { return covers_; }

    // Whether a range remove hides everything in the file from everybody.
    bool hides_all_of(const FileMeta& file) const;
    // The range removes that have to be written, in order. `older`: what lies below; null: anything
    // may.
    std::vector<RangeRemove> kept_range_removes(const OlderData* older) const;

  private:
    Sequence search_stripe(Sequence sequence) const;

    std::vector<Sequence> snapshots_;
    Sequence snapshot_newest_;
    Sequence removable_;
    RangeRemoveSet covers_;
};

}  // namespace timber::memtable
