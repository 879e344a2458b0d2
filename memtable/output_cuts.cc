#include "memtable/output_cuts.h"

#include <algorithm>
#include <limits>

#include "src/base/assert.h"

namespace timber::memtable {

OutputCuts::OutputCuts(std::span<const TableFileRef> grandparents, uint64_t target_bytes,
                       uint64_t overlap_bytes_max)
    : grandparents_(grandparents),
      target_bytes_(std::max<uint64_t>(target_bytes, 1)),
      overlap_bytes_max_(overlap_bytes_max) {
    set_boundary();
    begin();
}

void OutputCuts::begin() {
    overlap_bytes_ = 0;
    boundaries_ = 0;
    // Of the file that the output begins in.
    if (next_ > 0) overlap_bytes_ = grandparents_[next_ - 1]->meta().file_bytes;
    const bool boundary_ahead = next_ < grandparents_.size();
    bytes_max_ = boundary_ahead ? 2 * target_bytes_ : target_bytes_;
}

void OutputCuts::set_boundary() {
    if (next_ == grandparents_.size()) {
        boundary_prefix_ = std::numeric_limits<uint64_t>::max();
        return;
    }
    boundary_ = grandparents_[next_]->meta().smallest;
    boundary_prefix_ = key_prefix(boundary_);
}

bool OutputCuts::decide(std::string_view user_key, uint64_t bytes) {
    bool crossed = false;
    while (next_ < grandparents_.size() && !before_boundary(user_key)) {
        crossed = true;
        overlap_bytes_ += grandparents_[next_]->meta().file_bytes;
        ++next_;
        ++boundaries_;
        set_boundary();
    }
    if (bytes == 0) return false;
    if (bytes >= bytes_max_) return true;
    if (!crossed) return false;
    if (overlap_bytes_ > overlap_bytes_max_) return true;
    if (next_ == grandparents_.size()) bytes_max_ = std::max(bytes, target_bytes_);
    // The next boundary is about as far away as those before it: is this one nearer to the target?
    const uint64_t distance = bytes / boundaries_;
    return bytes >= target_bytes_ / 2 && bytes + distance / 2 >= target_bytes_;
}

}  // namespace timber::memtable
