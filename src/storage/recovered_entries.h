#pragma once
// The entries of one Region that a log holds, by index.
//
// Nearly all of them follow one another, so they stand in runs: those with consecutive indexes side
// by side in one array. A log that is read has hundreds of thousands, and a tree's node for each is
// a good part of the reading.
//
// Thread:     the opening job, then the loop.
// Invariants: RE1  runs do not overlap, and none is empty.
#include <iterator>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "logengine/log_engine.h"
#include "raft/raft.h"
#include "src/base/assert.h"

namespace timber::storage {

struct RecoveredEntry {
    raft::Term term;
    logengine::RecordLocation location;
    logengine::Lsn origin;  // the batch that first held it
    std::optional<raft::Entry> kept;
};

class RecoveredEntries {
  public:
    bool empty() const { return runs_.empty(); }
    // Of one that is not empty.
    raft::LogIndex last() const {
        const auto& [first, run] = *runs_.rbegin();
        return first + (run.size() - 1);
    }
    // Null if there is none at `index`.
    const RecoveredEntry* find(raft::LogIndex index) const {
        const RunPlace place = place_of(index);
        return place.run != runs_.end() && place.offset < place.run->second.size()
                   ? &place.run->second[place.offset]
                   : nullptr;
    }
    const RecoveredEntry& at(raft::LogIndex index) const {
        const RecoveredEntry* found = find(index);
        TIMBER_ASSERT(found != nullptr);
        return *found;
    }
    RecoveredEntry& at(raft::LogIndex index) {
        return const_cast<RecoveredEntry&>(std::as_const(*this).at(index));
    }
    // The nearest that is not above `index`; null if there is none.
    const RecoveredEntry* at_or_below(raft::LogIndex index) const {
        const RunPlace place = place_of(index);
        if (place.run == runs_.end()) return nullptr;
        const Run& run = place.run->second;
        return place.offset < run.size() ? &run[place.offset] : &run.back();
    }

    // The one at `index`, made if there is none.
    RecoveredEntry& make(raft::LogIndex index) {
        const RunPlace place = place_of(index);
        if (place.run == runs_.end()) return runs_[index].emplace_back();
        Run& run = runs_.find(place.run->first)->second;
        if (place.offset < run.size()) return run[place.offset];
        return place.offset == run.size() ? run.emplace_back() : runs_[index].emplace_back();
    }
    // Removes everything at and above `index`; `removed(entry)` for each.
    template <typename Removed>
    void cut_from(raft::LogIndex index, Removed removed) {
        while (!runs_.empty()) {
            const auto tail = std::prev(runs_.end());
            Run& run = tail->second;
            while (!run.empty() && tail->first + run.size() > index) {
                removed(run.back());
                run.pop_back();
            }
            if (!run.empty()) return;
            runs_.erase(tail);
        }
    }

  private:
    using Run = std::vector<RecoveredEntry>;
    using Runs = std::map<raft::LogIndex, Run>;  // by their first index

    // The run that begins at or before an index, and how far into it or behind it that is.
    struct RunPlace {
        Runs::const_iterator run;
        size_t offset;
    };
    RunPlace place_of(raft::LogIndex index) const {
        const auto behind = runs_.upper_bound(index);
        if (behind == runs_.begin()) return {runs_.end(), 0};
        const auto run = std::prev(behind);
        return {run, index - run->first};
    }

    Runs runs_;
};

}  // namespace timber::storage
