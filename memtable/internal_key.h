#pragma once
// Internal keys: a user key with the sequence and kind of one operation on it.
//
//   user key | trailer: 8 bytes, little-endian, sequence << 8 | kind
//
// They order by user key, then newest first, so that a search for (key, visible sequence) lands on
// the version that a reader at that sequence sees.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "memtable/types.h"
#include "src/base/assert.h"
#include "src/base/coding.h"

namespace timber::memtable {

enum class EntryKind : uint8_t {
    kRemove = 0,
    kPut = 1,
};
// The kind that sorts first among those of one sequence: what a search uses.
inline constexpr EntryKind kKindForSeek = EntryKind::kPut;

inline constexpr size_t kTrailerBytes = 8;

struct ParsedKey {
    std::string_view user_key;
    Sequence sequence;
    EntryKind kind = EntryKind::kPut;
};

constexpr uint64_t pack_trailer(Sequence sequence, EntryKind kind) {
    return sequence.value() << 8 | static_cast<uint64_t>(kind);
}

// `key` is an internal key that was checked: at least kTrailerBytes long.
inline std::string_view user_key_of(std::string_view key) {
    return {key.data(), key.size() - kTrailerBytes};
}
inline uint64_t trailer_of(std::string_view key) {
    return load<uint64_t>(reinterpret_cast<const std::byte*>(key.data()) + key.size() -
                          kTrailerBytes);
}
inline Sequence sequence_of(std::string_view key) { return Sequence(trailer_of(key) >> 8); }
inline EntryKind kind_of(std::string_view key) {
    return static_cast<EntryKind>(trailer_of(key) & 0xff);
}

inline void append_internal_key(std::string& to, std::string_view user_key, Sequence sequence,
                                EntryKind kind) {
    to.append(user_key);
    std::byte trailer[kTrailerBytes];
    store(trailer, pack_trailer(sequence, kind));
    to.append(reinterpret_cast<const char*>(trailer), kTrailerBytes);
}

// From untrusted bytes; nothing if it is too short or of no known kind.
inline std::optional<ParsedKey> parse_internal_key(std::string_view key) {
    if (key.size() < kTrailerBytes) return std::nullopt;
    const uint64_t trailer = trailer_of(key);
    if ((trailer & 0xff) > static_cast<uint64_t>(EntryKind::kPut)) return std::nullopt;
    return ParsedKey{user_key_of(key), Sequence(trailer >> 8),
                     static_cast<EntryKind>(trailer & 0xff)};
}

// Negative, zero or positive, as the order above says. The first `from` bytes of both user keys are
// known to be the same. Eight bytes at once: they can be read from anywhere in a user key, because
// the trailer follows.
inline int compare_internal(std::string_view left, std::string_view right, size_t from = 0) {
    const size_t left_bytes = left.size() - kTrailerBytes;
    const size_t right_bytes = right.size() - kTrailerBytes;
    const size_t bytes = left_bytes < right_bytes ? left_bytes : right_bytes;
    const auto word = [](const char* at) {
        return load<uint64_t>(reinterpret_cast<const std::byte*>(at));
    };
    for (size_t at = from; at < bytes; at += sizeof(uint64_t)) {
        uint64_t left_word = word(left.data() + at);
        uint64_t right_word = word(right.data() + at);
        if (left_word == right_word) continue;
        // Without what lies behind the shorter key's end.
        const size_t beyond = bytes - at < sizeof(uint64_t) ? sizeof(uint64_t) - (bytes - at) : 0;
        left_word = std::byteswap(left_word) >> (8 * beyond);
        right_word = std::byteswap(right_word) >> (8 * beyond);
        if (left_word != right_word) return left_word < right_word ? -1 : 1;
    }
    if (left_bytes != right_bytes) return left_bytes < right_bytes ? -1 : 1;
    const uint64_t left_trailer = trailer_of(left);
    const uint64_t right_trailer = trailer_of(right);
    return left_trailer > right_trailer ? -1 : left_trailer < right_trailer ? 1 : 0;
}

}  // namespace timber::memtable
