#pragma once
// Decides where a compaction ends one output file and begins the next: near the target size, and
// if it can be where a file of the level after begins.
//
// An output whose bounds lie within files of the level after has those files rewritten for the sake
// of a few keys when it goes down itself. So a file ends at the boundary that is nearest to its
// target size, if there is one between half and twice of it; and it does not overlap more
// of the level after than it may.
//
// Thread:   one job.
// Lifetime: the grandparents outlive it.
// Cost:     for a key that meets no boundary, the comparison of one word and of one size.
#include <cstdint>
#include <span>
#include <string_view>

#include "memtable/file_meta.h"
#include "memtable/key_prefix.h"

namespace timber::memtable {

class OutputCuts {
  public:
    // `grandparents` by key; `overlap_bytes_max` of them may one output overlap.
    OutputCuts(std::span<const TableFileRef> grandparents, uint64_t target_bytes,
               uint64_t overlap_bytes_max);

    // Whether a new file has to begin with `user_key`, when the one that is being written holds
    // `bytes`. Asked for each user key once, in order.
    bool before(std::string_view user_key, uint64_t bytes) {
        if (bytes < bytes_max_ && before_boundary(user_key)) [[likely]]
            return false;
        return decide(user_key, bytes);
    }
    // A new file begins.
    void begin();

  private:
    bool before_boundary(std::string_view user_key) const {
        const uint64_t prefix = key_prefix(user_key);
        if (prefix != boundary_prefix_) [[likely]]
            return prefix < boundary_prefix_;
        return next_ == grandparents_.size() || user_key < boundary_;
    }
    bool decide(std::string_view user_key, uint64_t bytes);
    void set_boundary();

    std::span<const TableFileRef> grandparents_;
    const uint64_t target_bytes_;
    const uint64_t overlap_bytes_max_;
    // The next boundary, and the first bytes of it as a number; a key that is less lies before it.
    size_t next_ = 0;
    std::string_view boundary_;
    uint64_t boundary_prefix_ = 0;
    // Of the present file.
    uint64_t bytes_max_;
    uint64_t overlap_bytes_ = 0;
    uint64_t boundaries_ = 0;
};

}  // namespace timber::memtable
