#pragma once
// Iterates over a sorted vector as a table file would: in blocks that are read when they are
// reached, which may fail, and which a bound may spare. What it showed before a move is scribbled
// over by the move, so that a user who still looks there is noticed.
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "memtable/iterator.h"
#include "memtable/table_reader.h"

namespace timber::memtable {

// Internal keys and values, in order.
using EntryVector = std::vector<std::pair<std::string, std::string>>;

inline void sort_entries(EntryVector& entries) {
    std::ranges::sort(entries, [](const auto& left, const auto& right) {
        return compare_internal(left.first, right.first) < 0;
    });
}

class VectorIterator final : public EntryIterator {
  public:
    // Reads a block, by its number; what it returns is the outcome.
    using ReadBlock = std::function<Status(size_t block)>;

    // The entries outlive the iterator; without entries_per_block all are one block.
    explicit VectorIterator(const EntryVector& entries, size_t entries_per_block = SIZE_MAX,
                            ReadBlock read = nullptr, std::string_view lower = {},
                            std::string_view upper = {})
        : entries_(entries),
          entries_per_block_(entries_per_block),
          read_(std::move(read)),
          lower_(lower),
          upper_(upper) {}
    ~VectorIterator() override { scribble(); }

    void seek_to_first() override { arrive(0, kSeek); }
    void seek_to_last() override { arrive(entries_.size() - 1, kSeek); }
    void seek(std::string_view target) override { arrive(lower_bound(target), kSeek); }
    void seek_for_prev(std::string_view target) override {
        size_t at = lower_bound(target);
        if (at == entries_.size() || compare_internal(entries_[at].first, target) > 0) --at;
        arrive(at, kSeek);
    }
    void next() override {
        TIMBER_ASSERT(valid_);
        arrive(at_ + 1, kNext);
    }
    void prev() override {
        TIMBER_ASSERT(valid_);
        arrive(at_ - 1, kPrev);
    }
    Status status() const override { return status_; }

  private:
    enum Move : uint8_t { kSeek, kNext, kPrev };

    size_t lower_bound(std::string_view target) const {
        const auto found = std::ranges::partition_point(entries_, [target](const auto& entry) {
            return compare_internal(entry.first, target) < 0;
        });
        return static_cast<size_t>(found - entries_.begin());
    }

    void scribble() {
        std::ranges::fill(key_bytes_, '\xee');
        std::ranges::fill(value_bytes_, '\xee');
    }

    // Whether the block, which `move` came to, lies wholly outside the bounds.
    bool spared(size_t block, Move move) const {
        const size_t first = block * entries_per_block_;
        const size_t last = std::min(entries_.size(), first + entries_per_block_) - 1;
        if (move == kNext) return !before_end(user_key_of(entries_[first].first), upper_);
        return move == kPrev && user_key_of(entries_[last].first) < lower_;
    }

    void arrive(size_t at, Move move) {
        scribble();
        valid_ = false;
        status_ = {};
        if (at >= entries_.size()) {  // also before the first
            block_ = SIZE_MAX;
            return;
        }
        const size_t block = at / entries_per_block_;
        if (block != block_) {
            block_ = SIZE_MAX;
            if (spared(block, move)) return;
            if (read_ != nullptr) status_ = read_(block);
            if (!status_.ok()) return;
            block_ = block;
        }
        at_ = at;
        key_bytes_ = entries_[at].first;
        value_bytes_ = entries_[at].second;
        key_ = key_bytes_;
        value_ = value_bytes_;
        valid_ = true;
    }

    const EntryVector& entries_;
    size_t entries_per_block_;
    ReadBlock read_;
    std::string_view lower_;
    std::string_view upper_;
    size_t at_ = 0;
    size_t block_ = SIZE_MAX;  // that is in memory
    Status status_;
    std::string key_bytes_;
    std::string value_bytes_;
};

}  // namespace timber::memtable
