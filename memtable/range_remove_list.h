#pragma once
// The range removes of one family of a memory table: added by the writer, looked through by
// readers.
//
// They are a list in the table's arena, newest first, to which the writer adds in constant time.
// With none, a reader pays one load. A few are looked at one by one. Once there are more, a reader
// cuts them into a RangeRemoveSet, which is kept for those that come after: a point read then is a
// binary search in that set and a look at the few that were added since, and only when these became
// too many is the set built anew. So the writer never pays for readers, and where adds and reads
// alternate, both cost a reader about the square root of how many there are.
//
// A remove that the reader must see was added before its sequence was published, so it is in the
// list that the reader loads; whether it is in the kept set or behind it makes no difference. Those
// that come later are told apart by their sequence.
//
// Thread:     add() from one thread at a time; all else from any. No lock is held while a set is
//             built, so that no reader waits for another's work.
// Lifetime:   the arena outlives it. A set lives as long as somebody holds it.
// Invariants: RL1  the list's counts go down by one along it, to 1.
//             RL2  the kept set holds exactly the removes up to its count.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "memtable/arena.h"
#include "memtable/range_removes.h"
#include "src/base/mutex.h"

namespace timber::memtable {

class RangeRemoveList {
  public:
    explicit RangeRemoveList(Arena& arena) : arena_(arena) {}
    RangeRemoveList(const RangeRemoveList&) = delete;
    RangeRemoveList& operator=(const RangeRemoveList&) = delete;

    void add(Sequence sequence, std::string_view begin, std::string_view end);

    bool empty() const { return newest_.load(std::memory_order_acquire) == nullptr; }
    uint64_t entries() const;
    // The newest sequence, at most `visible`, that covers `key`; 0 if none does.
    Sequence covering(std::string_view key, Sequence visible) const {
        const Node* newest = newest_.load(std::memory_order_acquire);
        return newest == nullptr ? Sequence() : covering_in(newest, key, visible);
    }
    // All that were added so far.
    std::shared_ptr<const RangeRemoveSet> set() const;

    // Of the kept set; the list is the arena's.
    size_t memory_bytes() const { return built_bytes_.load(std::memory_order_relaxed); }
    void check_invariants() const;

  private:
    struct Node {
        const Node* older;
        uint64_t count;  // of the list from here on
        Sequence sequence;
        std::string_view begin;
        std::string_view end;
    };
    // A set of the `count` oldest.
    struct Built {
        // Owners are the list and whoever reads in it: a newer one may take its place meanwhile.
        std::shared_ptr<const RangeRemoveSet> set;
        uint64_t count = 0;
    };

    Sequence covering_in(const Node* newest, std::string_view key, Sequence visible) const;
    Built kept(uint64_t count_min) const TIMBER_EXCLUDES(mutex_);
    Built build(const Node* newest) const TIMBER_EXCLUDES(mutex_);

    Arena& arena_;
    std::atomic<const Node*> newest_{nullptr};
    mutable std::atomic<size_t> built_bytes_{0};
    mutable Mutex mutex_;
    mutable Built built_ TIMBER_GUARDED_BY(mutex_);
};

}  // namespace timber::memtable
