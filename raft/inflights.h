#pragma once
// Appends on their way to one follower, bounded in number and in bytes.
//
// Thread:     the node's.
// Invariants: I1  last indices go up from the oldest to the newest.
//             I2  bytes() is the sum over what is in flight.
//             I3  count() <= messages_max; bytes exceed bytes_max by less than one message.
#include <vector>

#include "raft/types.h"

namespace timber::raft {

class Inflights {
  public:
    Inflights() = default;
    Inflights(uint32_t messages_max, size_t bytes_max);

    // Room for one more message.
    bool full() const { return count_ >= messages_max_ || bytes_ >= bytes_max_; }
    // A message whose last entry is `last`. Not while full().
    void add(LogIndex last, size_t bytes);
    // Everything up to `index` was answered.
    void free_to(LogIndex index);
    void clear();

    uint32_t count() const { return count_; }
    size_t bytes() const { return bytes_; }
    // Of the newest. Not while there is none.
    LogIndex last() const { return at(count_ - 1).last; }
    void check_invariants() const;

  private:
    struct Slot {
        LogIndex last;
        size_t bytes;
    };
    void free_oldest();
    const Slot& at(uint32_t i) const { return slots_[(oldest_ + i) % slots_.size()]; }
    void grow();

    uint32_t messages_max_ = 1;
    size_t bytes_max_ = 1;
    std::vector<Slot> slots_;  // a ring, grown on demand
    uint32_t oldest_ = 0;
    uint32_t count_ = 0;
    size_t bytes_ = 0;
};

}  // namespace timber::raft
