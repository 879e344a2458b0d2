#pragma once
// Counts of values in buckets whose width grows with the value: at most 3.2 % off, fixed memory.
//
// Values are unsigned integers of any unit (the owner's name for the histogram says which). Values
// up to 31 have a bucket each; above, every power of two is cut into 32 buckets.
//
// Thread: one writer at a time; readers copy it under the owner's rule.
#include <array>
#include <cstddef>
#include <cstdint>

namespace timber {

class Histogram {
  public:
    void add(uint64_t value);
    void merge(const Histogram& other);

    uint64_t count() const { return count_; }
    uint64_t sum() const { return sum_; }
    uint64_t max() const { return max_; }
    // An upper bound of the value below which `fraction` (0 to 1) of the values lie; 0 if empty.
    uint64_t quantile(double fraction) const;
    double mean() const;

  private:
    static constexpr size_t kBucketBits = 5;
    static constexpr size_t kBuckets = (64 - kBucketBits + 1) << kBucketBits;

    static size_t bucket_of(uint64_t value);
    static uint64_t bucket_max(size_t bucket);

    std::array<uint64_t, kBuckets> buckets_{};
    uint64_t count_ = 0;
    uint64_t sum_ = 0;
    uint64_t max_ = 0;
};

}  // namespace timber
