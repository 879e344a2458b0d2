#pragma once
// How many waits, one after the other, fit into a life.
//
// Of the durable writes that began and ended within a command's life, the longest series in which
// each begins after the one before has ended: never less than the command waited for one by one.
//
// Thread: one.
#include <cstdint>
#include <vector>

#include "benches/frame/interval.h"

namespace timber::bench {

class Chain {
  public:
    explicit Chain(std::vector<Interval> waits);
    uint32_t length_within(const Interval& life) const;

  private:
    std::vector<Interval> waits_;  // by their beginnings
    // The earliest end of waits_[i] and all behind it.
    std::vector<int64_t> earliest_end_ns_;
};

}  // namespace timber::bench
