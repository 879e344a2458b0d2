#include "memtable/snapshot_list.h"

#include "src/base/assert.h"

namespace timber::memtable {

class SnapshotList::Held final : public Snapshot {
  public:
    Held(SnapshotList& list, Sequence sequence) : list_(list), sequence_(sequence) {}
    ~Held() override { list_.let_go(sequence_); }

    Sequence sequence() const override { return sequence_; }

  private:
    SnapshotList& list_;
    Sequence sequence_;
};

SnapshotList::~SnapshotList() { TIMBER_ASSERT_OP(size(), ==, 0u); }

SnapshotRef SnapshotList::create(const std::atomic<uint64_t>& visible) {
    Sequence sequence;
    {
        const MutexLock lock(mutex_);
        sequence = Sequence(visible.load(std::memory_order_acquire));
        ++held_[sequence];
        ++size_;
    }
    return std::make_shared<Held>(*this, sequence);
}

void SnapshotList::let_go(Sequence sequence) {
    const MutexLock lock(mutex_);
    const auto found = held_.find(sequence);
    TIMBER_ASSERT(found != held_.end());
    if (--found->second == 0) held_.erase(found);
    --size_;
}

std::vector<Sequence> SnapshotList::sequences() const {
    const MutexLock lock(mutex_);
    std::vector<Sequence> sequences;
    sequences.reserve(held_.size());
    for (const auto& [sequence, count] : held_) sequences.push_back(sequence);
    return sequences;
}

Sequence SnapshotList::oldest(Sequence otherwise) const {
    const MutexLock lock(mutex_);
    return held_.empty() ? otherwise : held_.begin()->first;
}

size_t SnapshotList::size() const {
    const MutexLock lock(mutex_);
    return size_;
}

}  // namespace timber::memtable
