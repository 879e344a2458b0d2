#pragma once
// Offset codes: how a key differs from a smaller one, in one integer.
//
// Cut a user key into chunks of 6 bytes, read big-endian, with zeros behind its end. The code of a
// key B relative to a smaller key A says at which chunk they differ first and what B holds there:
//
//   code(B|A) = (kOffsetBase - chunk index) << 48 | B's chunk        0 where all chunks are equal
//
// The earlier B departs from A, the greater it is, and so is its code. So for two keys B and T
// behind the same A:
//
//   code(B|A) < code(T|A)   B < T, and code(T|B) = code(T|A)
//   code(B|A) > code(T|A)   T < B, and code(B|T) = code(B|A)
//   equal                   they agree up to that chunk; the keys themselves must be compared
//
// A sorted list whose links carry the code of the next key relative to this one is therefore
// searched nearly without looking at keys: long common beginnings cost nothing. This is the
// offset-value coding of sorting (Conner, "Offset Value Coding", IBM Technical Disclosure
// Bulletin 20(7), 1977), with chunks for values.
//
// Keys whose chunks are all equal (a key and the same with zero bytes appended; versions of one
// key) order by length, then newest first.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "memtable/internal_key.h"
#include "memtable/types.h"

namespace timber::memtable {

using OffsetCode = uint64_t;

inline constexpr size_t kChunkBytes = 6;
inline constexpr unsigned kOffsetShift = 48;
inline constexpr uint64_t kOffsetBase = 0xfffe;
// Relative to a key with the same chunks.
inline constexpr OffsetCode kCodeSame = 0;
// Of the end of a list: greater than every key's.
inline constexpr OffsetCode kCodeEnd = UINT64_MAX;
static_assert(kChunkBytes * 8 == kOffsetShift);
static_assert(kKeyBytesMax / kChunkBytes < kOffsetBase, "no key's code is kCodeSame by its offset");

// An internal key in two parts, as a search has it.
struct SearchKey {
    std::string_view user_key;
    uint64_t trailer;  // pack_trailer()
};

inline uint64_t load_big_endian(const char* from) {
    uint64_t value;
    std::memcpy(&value, from, sizeof value);
    return __builtin_bswap64(value);
}

// Reads nothing outside the key.
inline uint64_t chunk_of(std::string_view key, size_t index) {
    constexpr unsigned kUnused = 64 - kOffsetShift;
    const size_t at = index * kChunkBytes;
    if (at + 8 <= key.size()) return load_big_endian(key.data() + at) >> kUnused;
    if (at >= key.size()) return 0;
    const size_t left = key.size() - at;  // 1 to 7
    if (key.size() >= 8)
        return load_big_endian(key.data() + key.size() - 8) << (64 - 8 * left) >> kUnused;
    uint64_t bytes = 0;
    for (size_t i = 0; i < left; ++i)
        bytes |= uint64_t{static_cast<unsigned char>(key[at + i])} << (56 - 8 * i);
    return bytes >> kUnused;
}

constexpr OffsetCode code_at(size_t chunk_index, uint64_t chunk) {
    return (kOffsetBase - chunk_index) << kOffsetShift | chunk;
}

// Relative to what is before every key: the head of a list.
inline OffsetCode code_from_start(std::string_view key) { return code_at(0, chunk_of(key, 0)); }

// From which chunk on two keys with this same code must be compared.
constexpr size_t chunk_index_of(OffsetCode code) { return kOffsetBase - (code >> kOffsetShift); }

struct Comparison {
    int order;        // of left against right: negative, zero, positive
    OffsetCode code;  // of the greater one, relative to the other
};

inline Comparison compare_same_chunks(const SearchKey& left, const SearchKey& right) {
    if (left.user_key.size() != right.user_key.size())
        return {left.user_key.size() < right.user_key.size() ? -1 : 1, kCodeSame};
    if (left.trailer == right.trailer) return {0, kCodeSame};
    return {left.trailer > right.trailer ? -1 : 1, kCodeSame};
}

// Of keys that are known to agree in all chunks before `chunk_index`.
inline Comparison compare_from(size_t chunk_index, const SearchKey& left, const SearchKey& right) {
    const char* left_bytes = left.user_key.data();
    const char* right_bytes = right.user_key.data();
    const size_t common = std::min(left.user_key.size(), right.user_key.size());
    const size_t longest = std::max(left.user_key.size(), right.user_key.size());
    size_t at = chunk_index * kChunkBytes;
    for (; at + 8 <= common; at += 8) {
        const uint64_t difference =
            load_big_endian(left_bytes + at) ^ load_big_endian(right_bytes + at);
        if (difference == 0) continue;
        at += static_cast<size_t>(std::countl_zero(difference)) / 8;
        break;
    }
    for (size_t index = at / kChunkBytes; index * kChunkBytes < longest; ++index) {
        const uint64_t left_chunk = chunk_of(left.user_key, index);
        const uint64_t right_chunk = chunk_of(right.user_key, index);
        if (left_chunk < right_chunk) return {-1, code_at(index, right_chunk)};
        if (left_chunk > right_chunk) return {1, code_at(index, left_chunk)};
    }
    return compare_same_chunks(left, right);
}

}  // namespace timber::memtable
