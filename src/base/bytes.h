#pragma once
// Views of bytes, and the two conversions from and to text that the code needs.
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace timber {

using ByteView = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Copies to `to`, where there is room for it. As one memcpy: the standard library of g++ 12 copies
// spans byte by byte.
inline void copy_bytes(ByteView from, std::byte* to) {
    if (!from.empty()) std::memcpy(to, from.data(), from.size());
}

// `value` rounded up to a multiple of `alignment`, a power of two.
constexpr size_t round_up(size_t value, size_t alignment) {
    return (value + alignment - 1) & ~(alignment - 1);
}

constexpr size_t round_down(size_t value, size_t alignment) { return value & ~(alignment - 1); }

constexpr bool is_power_of_two(size_t value) { return value != 0 && (value & (value - 1)) == 0; }

constexpr size_t operator""_KiB(unsigned long long count) { return count << 10; }
constexpr size_t operator""_MiB(unsigned long long count) { return count << 20; }
constexpr size_t operator""_GiB(unsigned long long count) { return count << 30; }

}  // namespace timber
