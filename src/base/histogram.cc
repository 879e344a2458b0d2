#include "src/base/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "src/base/assert.h"

namespace timber {

size_t Histogram::bucket_of(uint64_t value) {
    if (value < (uint64_t{1} << kBucketBits)) return value;
    const size_t shift = std::bit_width(value) - 1 - kBucketBits;
    return ((shift + 1) << kBucketBits) + ((value >> shift) - (uint64_t{1} << kBucketBits));
}

uint64_t Histogram::bucket_max(size_t bucket) {
    if (bucket < (size_t{1} << kBucketBits)) return bucket;
    const size_t shift = (bucket >> kBucketBits) - 1;
    const uint64_t low = (bucket & ((size_t{1} << kBucketBits) - 1)) + (uint64_t{1} << kBucketBits);
    return (low << shift) + ((uint64_t{1} << shift) - 1);
}

void Histogram::add(uint64_t value) {
    ++buckets_[bucket_of(value)];
    ++count_;
    sum_ += value;
    max_ = std::max(max_, value);
}

void Histogram::merge(const Histogram& other) {
    for (size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    max_ = std::max(max_, other.max_);
}

uint64_t Histogram::quantile(double fraction) const {
    TIMBER_ASSERT(fraction >= 0 && fraction <= 1);
    if (count_ == 0) return 0;
    const auto rank = static_cast<uint64_t>(std::ceil(fraction * static_cast<double>(count_)));
    uint64_t seen = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
        seen += buckets_[i];
        if (seen >= std::max<uint64_t>(rank, 1)) return std::min(bucket_max(i), max_);
    }
    TIMBER_UNREACHABLE();
}

double Histogram::mean() const {
    return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

}  // namespace timber
