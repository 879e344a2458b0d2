#include "raft/inflights.h"

#include <algorithm>

namespace timber::raft {

Inflights::Inflights(uint32_t messages_max, size_t bytes_max)
    : messages_max_(messages_max), bytes_max_(bytes_max) {
    TIMBER_ASSERT(messages_max > 0);
    TIMBER_ASSERT(bytes_max > 0);
}

void Inflights::add(LogIndex last, size_t bytes) {
    TIMBER_ASSERT(!full());
    if (count_ > 0) TIMBER_ASSERT_OP(at(count_ - 1).last, <, last);
    if (count_ == slots_.size()) grow();
    slots_[(oldest_ + count_) % slots_.size()] = {last, bytes};
    ++count_;
    bytes_ += bytes;
}

void Inflights::grow() {
    const size_t size = std::min<size_t>(messages_max_, std::max<size_t>(8, slots_.size() * 2));
    TIMBER_ASSERT_OP(size, >, slots_.size());
    std::vector<Slot> slots(size);
    for (uint32_t i = 0; i < count_; ++i) slots[i] = at(i);
    slots_ = std::move(slots);
    oldest_ = 0;
}

void Inflights::free_oldest() {
    TIMBER_ASSERT_OP(count_, >, 0u);
    TIMBER_ASSERT_OP(bytes_, >=, at(0).bytes);
    bytes_ -= at(0).bytes;
    oldest_ = static_cast<uint32_t>((oldest_ + 1) % slots_.size());
    --count_;
    TIMBER_ASSERT(count_ > 0 || bytes_ == 0);
}

void Inflights::free_to(LogIndex index) {
    while (count_ > 0 && at(0).last <= index) free_oldest();
}

void Inflights::clear() {
    oldest_ = 0;
    count_ = 0;
    bytes_ = 0;
}

void Inflights::check_invariants() const {
    size_t bytes = 0;
    for (uint32_t i = 0; i < count_; ++i) {
        if (i > 0) TIMBER_ASSERT_OP(at(i - 1).last, <, at(i).last);  // I1
        bytes += at(i).bytes;
    }
    TIMBER_ASSERT_OP(bytes, ==, bytes_);                                             // I2
    TIMBER_ASSERT_OP(count_, <=, messages_max_);                                     // I3
    if (count_ > 0) TIMBER_ASSERT_OP(bytes_ - at(count_ - 1).bytes, <, bytes_max_);  // I3
}

}  // namespace timber::raft
