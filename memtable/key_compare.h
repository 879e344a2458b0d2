#pragma once
// Comparisons of keys that look at eight bytes at once.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace timber::memtable {

// The next eight bytes as a number that orders as they do.
inline uint64_t load_ordered(const char* from) {
    uint64_t value;
    std::memcpy(&value, from, sizeof value);
    return __builtin_bswap64(value);
}

// The same of the first eight bytes of `key`, missing ones as zeros.
inline uint64_t ordered_prefix(std::string_view key) {
    if (key.size() >= sizeof(uint64_t)) return load_ordered(key.data());
    uint64_t value = 0;
    std::memcpy(&value, key.data(), key.size());
    return __builtin_bswap64(value);
}

// How many bytes two keys have in common from their start.
inline size_t common_prefix(std::string_view left, std::string_view right) {
    const size_t bytes = std::min(left.size(), right.size());
    size_t at = 0;
    for (; at + sizeof(uint64_t) <= bytes; at += sizeof(uint64_t)) {
        const uint64_t difference =
            load_ordered(left.data() + at) ^ load_ordered(right.data() + at);
        if (difference != 0) return at + static_cast<size_t>(std::countl_zero(difference)) / 8;
    }
    while (at < bytes && left[at] == right[at]) ++at;
    return at;
}

// Negative, zero or positive, bytewise.
inline int compare_keys(std::string_view left, std::string_view right) {
    if (left.size() >= sizeof(uint64_t) && right.size() >= sizeof(uint64_t)) {
        const uint64_t left_first = load_ordered(left.data());
        const uint64_t right_first = load_ordered(right.data());
        if (left_first != right_first) return left_first < right_first ? -1 : 1;
    }
    return left.compare(right);
}

}  // namespace timber::memtable
