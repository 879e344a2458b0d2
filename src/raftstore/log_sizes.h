#pragma once
// How many bytes of a Region's log lie between two places, about: for log GC by bytes.
//
// Keeps a sample every so many bytes, so its memory is bounded by what the log may hold. What this
// life has not seen applied counts nothing.
//
// Thread: one at a time.
#include <cstdint>
#include <deque>

#include "raft/raft.h"

namespace timber::raftstore {

class LogSizes {
  public:
    explicit LogSizes(uint64_t sample_bytes) : sample_bytes_(sample_bytes) {}

    // The entry `index` was applied.
    void add(raft::LogIndex index, uint64_t bytes) {
        total_ += bytes;
        if (samples_.empty() || total_ - samples_.back().total >= sample_bytes_) {
            samples_.push_back({index, total_});
            if (samples_.size() > kSamplesMax) samples_.pop_front();
        }
    }
    void clear() { samples_.clear(); }
    // Of the entries (low, high].
    uint64_t between(raft::LogIndex low, raft::LogIndex high) const {
        if (high <= low) return 0;
        const uint64_t end = up_to(high);
        const uint64_t begin = up_to(low);
        return end > begin ? end - begin : 0;
    }
    // Nothing at or before `index` is asked about any more, but for it as a beginning.
    void forget_up_to(raft::LogIndex index) {
        while (samples_.size() > 1 && samples_[1].index <= index) samples_.pop_front();
    }

  private:
    static constexpr size_t kSamplesMax = 4096;
    struct Sample {
        raft::LogIndex index;
        uint64_t total;
    };

    uint64_t up_to(raft::LogIndex index) const {
        if (samples_.empty()) return 0;
        if (index > samples_.back().index) return total_;
        uint64_t total = samples_.front().total;
        for (const Sample& sample : samples_) {
            if (sample.index > index) break;
            total = sample.total;
        }
        return total;
    }

    uint64_t sample_bytes_;
    uint64_t total_ = 0;
    std::deque<Sample> samples_;
};

}  // namespace timber::raftstore
