#pragma once
// The first 8 bytes of a user key as a number that orders as they do, so that most comparisons of
// keys are one of numbers. A shorter key counts as if zeros followed: equal prefixes say nothing,
// different ones say which key is smaller.
#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <string_view>

#include "memtable/internal_key.h"
#include "src/base/assert.h"

namespace timber::memtable {

inline constexpr size_t kPrefixBytes = 8;
static_assert(kTrailerBytes >= kPrefixBytes, "an internal key may be loaded whatever its user key");

inline uint64_t key_prefix(std::string_view user_key) {
    uint64_t head = 0;
    std::memcpy(&head, user_key.data(), std::min(user_key.size(), kPrefixBytes));
    return std::byteswap(head);
}

// Of an internal key's user key; without a copy of changing length, because the trailer follows.
inline uint64_t internal_key_prefix(std::string_view key) {
    uint64_t head;
    std::memcpy(&head, key.data(), kPrefixBytes);
    head = std::byteswap(head);
    const size_t bytes = key.size() - kTrailerBytes;
    if (bytes >= kPrefixBytes) [[likely]]
        return head;
    return bytes == 0 ? 0 : head & ~uint64_t{0} << (64 - 8 * bytes);
}

// Whether two user keys, whose prefixes are equal, are. Neighbours in order differ at their ends
// most of the time, so these are looked at first.
inline bool same_after_prefix(std::string_view left, std::string_view right) {
    const size_t bytes = left.size();
    if (bytes != right.size()) return false;
    if (bytes <= kPrefixBytes) return true;
    const auto word = [](const char* at) {
        uint64_t value;
        std::memcpy(&value, at, sizeof value);
        return value;
    };
    const size_t last = bytes - sizeof(uint64_t);
    if (word(left.data() + last) != word(right.data() + last)) return false;
    return bytes <= 2 * sizeof(uint64_t) ||
           std::memcmp(left.data() + kPrefixBytes, right.data() + kPrefixBytes,
                       last - kPrefixBytes) == 0;
}

// A copy of a user key that is part of an internal key: of the short ones, in words, whatever their
// length, because a trailer can be read behind them.
class KeyCopy {
  public:
    std::string_view view() const { return {bytes_.get(), size_}; }

    void assign(std::string_view user_key) {
        if (user_key.size() + sizeof(uint64_t) > capacity_) [[unlikely]]
            grow(user_key.size());
        size_ = user_key.size();
        if (size_ > kWordsBytesMax) {
            std::memcpy(bytes_.get(), user_key.data(), size_);
            return;
        }
        for (size_t at = 0; at < size_; at += sizeof(uint64_t))
            std::memcpy(bytes_.get() + at, user_key.data() + at, sizeof(uint64_t));
    }

  private:
    static constexpr size_t kWordsBytesMax = 40;

    void grow(size_t bytes) {
        capacity_ = 2 * bytes + 64;
        bytes_ = std::make_unique_for_overwrite<char[]>(capacity_);
    }

    std::unique_ptr<char[]> bytes_;
    size_t size_ = 0;
    size_t capacity_ = 0;
};

}  // namespace timber::memtable
