#pragma once
// Where a Region's entries are in the log, and their terms: everything of a Raft log but the
// payloads. It holds what Raft needs and, before that, what a recovery would apply again.
//
// Thread:     the loop (during recovery: the opening job).
// Invariants: ET1  the entries are consecutive: first() to last(), or none.
#include <deque>
#include <functional>

#include "logengine/log_engine.h"
#include "raft/raft.h"
#include "src/base/assert.h"

namespace timber::storage {

class EntryTable {
  public:
    struct Slot {
        raft::Term term;
        logengine::RecordLocation location;
    };

    bool empty() const { return slots_.empty(); }
    size_t size() const { return slots_.size(); }
    // Of one that is not empty.
    raft::LogIndex first() const { return first_; }
    raft::LogIndex last() const { return first_ + (slots_.size() - 1); }
    bool holds(raft::LogIndex index) const {
        return !slots_.empty() && index >= first_ && index <= last();
    }
    const Slot& at(raft::LogIndex index) const {
        TIMBER_ASSERT(holds(index));
        return slots_[index - first_];
    }

    // Puts one behind the last; the first one where it says.
    void push_back(raft::LogIndex index, const Slot& slot) {
        if (slots_.empty()) first_ = index;
        TIMBER_ASSERT_OP(index, ==, first_ + slots_.size());  // ET1
        slots_.push_back(slot);
    }
    void move(raft::LogIndex index, const logengine::RecordLocation& location) {
        TIMBER_ASSERT(holds(index));
        slots_[index - first_].location = location;
    }
    // Removes everything at and above `index`, or up to it; `removed(slot)` for each.
    template <typename Removed>
    void cut_from(raft::LogIndex index, Removed removed) {
        while (!slots_.empty() && last() >= index) {
            removed(slots_.back());
            slots_.pop_back();
        }
    }
    template <typename Removed>
    void drop_to(raft::LogIndex index, Removed removed) {
        while (!slots_.empty() && first_ <= index) {
            removed(slots_.front());
            slots_.pop_front();
            ++first_;
        }
    }

  private:
    raft::LogIndex first_;
    std::deque<Slot> slots_;
};

}  // namespace timber::storage
