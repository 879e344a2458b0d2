#pragma once
// The snapshots that somebody holds, for jobs that must keep what they see.
//
// Thread:     any.
// Lifetime:   outlives its snapshots.
// Invariants: SL1  a snapshot that is held is in every list taken after create() returned.
//             SL2  a snapshot that is created after a list was taken sees at least everything that
//                  was visible then: create() reads the visible sequence and enters it in the list
//                  in one step. Otherwise a compaction could look for snapshots between the two,
//                  find none, and drop the version that this one is about to read.
#include <atomic>
#include <cstdint>
#include <map>
#include <vector>

#include "memtable/store.h"
#include "memtable/types.h"
#include "src/base/mutex.h"

namespace timber::memtable {

class SnapshotList {
  public:
    SnapshotList() = default;
    ~SnapshotList();
    SnapshotList(const SnapshotList&) = delete;
    SnapshotList& operator=(const SnapshotList&) = delete;

    // Of what `visible` says now.
    SnapshotRef create(const std::atomic<uint64_t>& visible) TIMBER_EXCLUDES(mutex_);

    // The sequences of those that are held, ascending, each once.
    std::vector<Sequence> sequences() const TIMBER_EXCLUDES(mutex_);
    // The first of these; `otherwise` if none is held.
    Sequence oldest(Sequence otherwise) const TIMBER_EXCLUDES(mutex_);
    // How many are held.
    size_t size() const TIMBER_EXCLUDES(mutex_);

  private:
    class Held;
    void let_go(Sequence sequence) TIMBER_EXCLUDES(mutex_);

    mutable Mutex mutex_;
    std::map<Sequence, size_t> held_ TIMBER_GUARDED_BY(mutex_);  // how often each
    size_t size_ TIMBER_GUARDED_BY(mutex_) = 0;
};

}  // namespace timber::memtable
