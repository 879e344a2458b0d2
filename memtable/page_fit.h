#pragma once
// Where a data block should end so that reading it touches as few pages as possible: at the end of
// a page, alone in it or with as many others as fit.
//
// How far a block will shrink is guessed from those before it. A block that ends a little before
// a page's end is padded to it; one that misses by more is left where it is, so that padding costs
// a sixteenth at most, and a few hundredths in fact.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "memtable/table_format.h"

namespace timber::memtable {

class PageFit {
  public:
    explicit PageFit(size_t block_bytes) : block_bytes_(block_bytes) {}

    static constexpr size_t kPadMax = kTablePageBytes / 16;

    // The content that the block beginning at `offset` should have at most, if it can be helped.
    size_t content_target(uint64_t offset) const {
        const double wanted = static_cast<double>(block_bytes_) * ratio_;
        const double aimed = static_cast<double>(stored_target(offset, wanted));
        const double target = (aimed - kBlockHeaderBytes) / (ratio_ + deviation_);
        return static_cast<size_t>(std::max(target, 64.0));
    }

    // A block with so much content took so many bytes in the file, header included.
    void learn(size_t content_bytes, size_t stored_bytes) {
        const double ratio = static_cast<double>(stored_bytes - kBlockHeaderBytes) /
                             static_cast<double>(content_bytes);
        deviation_ += (std::abs(ratio - ratio_) - deviation_) / 16;
        ratio_ += (ratio - ratio_) / 16;
    }

    // Of a block that ends at `offset`.
    static size_t padding(uint64_t offset) {
        const size_t to_page = (kTablePageBytes - offset % kTablePageBytes) % kTablePageBytes;
        if (to_page <= kPadMax) return to_page;
        return (kBlockAlignment - offset % kBlockAlignment) % kBlockAlignment;
    }

  private:
    // Bytes from `offset` to the place where a block of about `wanted` bytes should end.
    size_t stored_target(uint64_t offset, double wanted) const {
        const auto room = static_cast<double>(kTablePageBytes - offset % kTablePageBytes);
        // As a share of the page's rest, or to the end of a later page: whichever is nearer to what
        // is wanted.
        if (wanted <= room * 1.25) {
            const double blocks = std::max(1.0, std::round(room / wanted + 0.08));
            return static_cast<size_t>(room / blocks);
        }
        const double pages = std::floor((wanted - room) / kTablePageBytes + 0.5);
        return static_cast<size_t>(room + pages * kTablePageBytes);
    }

    const size_t block_bytes_;
    double ratio_ = 1;      // stored to content
    double deviation_ = 0;  // mean absolute one of it
};

}  // namespace timber::memtable
