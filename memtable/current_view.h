#pragma once
// The view that reads begin on, and the sequence up to which they see.
//
// A reader takes both in one step. Otherwise it could hold the view from before an ingest and the
// sequence from after it, and see the range removed, by the copy of the range remove in the active
// memory table that both views share, but none of the files that replace it.
//
// Thread:     readers any; publish() and set_visible() the loop.
// Invariants: CV1  the visible sequence never goes back.
//             CV2  the view shows everything up to the visible sequence, at any moment.
// Cost:       of a read: one uncontended lock and one reference count.
#include <atomic>
#include <utility>

#include "memtable/view.h"
#include "src/base/mutex.h"

namespace timber::memtable {

struct ReadPoint {
    ViewRef view;
    Sequence visible;
};

class CurrentView {
  public:
    CurrentView(ViewRef view, Sequence visible)
        : view_(std::move(view)), visible_(visible.value()) {}

    ReadPoint acquire() const TIMBER_EXCLUDES(mutex_) {
        const MutexLock lock(mutex_);
        return {view_, visible()};
    }
    ViewRef view() const TIMBER_EXCLUDES(mutex_) {
        const MutexLock lock(mutex_);
        return view_;
    }
    Sequence visible() const { return Sequence(visible_.load(std::memory_order_acquire)); }
    // For SnapshotList::create().
    const std::atomic<uint64_t>& visible_value() const { return visible_; }

    // A batch was added to the active memory table.
    void set_visible(Sequence visible) {
        visible_.store(visible.value(), std::memory_order_release);
    }
    // Gives back the view that was current: letting go of it may free much memory and many files,
    // which the caller leaves to a job.
    [[nodiscard]] ViewRef publish(ViewRef view, Sequence visible) TIMBER_EXCLUDES(mutex_) {
        const MutexLock lock(mutex_);
        TIMBER_ASSERT_OP(visible.value(), >=, visible_.load(std::memory_order_relaxed));
        set_visible(visible);
        return std::exchange(view_, std::move(view));
    }

  private:
    mutable Mutex mutex_;
    ViewRef view_ TIMBER_GUARDED_BY(mutex_);
    std::atomic<uint64_t> visible_;
};

}  // namespace timber::memtable
