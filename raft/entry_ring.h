#pragma once
// A run of consecutive entries in memory: appended at the end, dropped at both ends.
//
// A ring, so that a log that moves along allocates nothing once it has its size.
//
// Thread:     the node's.
// Invariants: E1  the entry in place i has index first_index() + i.
//             E2  bytes() is the sum of entry_bytes() over what is held.
//             E3  a place that holds nothing keeps no payload alive.
#include <bit>
#include <utility>
#include <vector>

#include "raft/types.h"

namespace timber::raft {

class EntryRing {
  public:
    // An empty run that will go on at `first`.
    explicit EntryRing(LogIndex first) : first_(first) {}

    LogIndex first_index() const { return first_; }
    LogIndex end_index() const { return first_ + count_; }
    bool empty() const { return count_ == 0; }
    size_t count() const { return count_; }
    size_t bytes() const { return bytes_; }
    bool holds(LogIndex index) const { return index >= first_ && index < end_index(); }

    const Entry& at(LogIndex index) const {
        TIMBER_ASSERT(holds(index));
        return slots_[place(index - first_)];
    }
    const Entry& back() const { return at(end_index() - 1); }

    void push_back(Entry entry) {
        TIMBER_ASSERT_OP(entry.index, ==, end_index());
        if (count_ == slots_.size()) grow();
        bytes_ += entry_bytes(entry);
        slots_[place(count_)] = std::move(entry);
        ++count_;
    }
    void pop_front() {
        TIMBER_ASSERT(count_ > 0);
        release(place(0));
        ++first_;
        --count_;
        begin_ = (begin_ + 1) & (slots_.size() - 1);
    }
    // Drops everything at and above `index`, which is at least first_index().
    void truncate_from(LogIndex index) {
        TIMBER_ASSERT_OP(index, >=, first_);
        while (end_index() > index) {
            release(place(count_ - 1));
            --count_;
        }
    }
    // Drops everything; the run goes on at `first`.
    void restart(LogIndex first) {
        truncate_from(first_);
        first_ = first;
        TIMBER_ASSERT_OP(bytes_, ==, 0u);
    }

  private:
    size_t place(size_t offset) const { return (begin_ + offset) & (slots_.size() - 1); }
    void release(size_t slot) {
        const size_t bytes = entry_bytes(slots_[slot]);
        TIMBER_ASSERT_OP(bytes_, >=, bytes);
        bytes_ -= bytes;
        slots_[slot].payload = Payload();
    }
    void grow() {
        std::vector<Entry> larger(std::max<size_t>(64, slots_.size() * 2));
        TIMBER_ASSERT(std::has_single_bit(larger.size()));
        for (size_t i = 0; i < count_; ++i) larger[i] = std::move(slots_[place(i)]);
        slots_ = std::move(larger);
        begin_ = 0;
    }

    std::vector<Entry> slots_;  // a power of two, or none
    size_t begin_ = 0;
    size_t count_ = 0;
    LogIndex first_;
    size_t bytes_ = 0;
};

}  // namespace timber::raft
