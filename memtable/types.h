#pragma once
// The vocabulary of the state store.
//
// Keys and values are byte strings in std::string_view; keys compare bytewise. A range is
// [begin, end), and an empty end means that there is no upper limit: no key lies at or above it.
#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "src/base/bytes.h"
#include "src/base/strong_id.h"

namespace timber::memtable {

// A column family: a key space of its own, written and flushed together with the others.
enum class Family : uint8_t {
    kDefault = 0,
    kLock = 1,
    kWrite = 2,
    kMeta = 3,  // the owner's own rows
};
inline constexpr size_t kFamilies = 4;
inline constexpr std::array<Family, kFamilies> kAllFamilies = {Family::kDefault, Family::kLock,
                                                               Family::kWrite, Family::kMeta};
std::string_view to_string(Family family);
constexpr size_t index_of(Family family) { return static_cast<size_t>(family); }

// The order of all operations. Each operation of a batch takes one; a batch becomes visible as a
// whole, at its last. 0 is before everything.
using Sequence = StrongId<struct SequenceTag, uint64_t>;
// It shares 64 bits with the kind of an entry.
inline constexpr Sequence kSequenceMax{(uint64_t{1} << 56) - 1};

// Names a file of one store; never used twice by files that were ever live.
using FileNumber = StrongId<struct FileNumberTag, uint64_t>;

// A position in the owner's log, opaque here: kept and compared only.
using LogMark = StrongId<struct LogMarkTag, uint64_t>;

// Who a table file is, written into it and into whatever refers to it, so that a file in another's
// place is noticed. It stays the same when the file moves to another store.
struct FileId {
    uint64_t store = 0;  // of the store that wrote it
    uint64_t draw = 0;   // drawn at random for each file

    friend auto operator<=>(const FileId&, const FileId&) = default;
};

// Limits, checked before anything is applied.
inline constexpr size_t kKeyBytesMax = 32_KiB;
inline constexpr size_t kValueBytesMax = 64_MiB;
inline constexpr size_t kBatchBytesMax = 256_MiB;

inline constexpr size_t kLevels = 7;  // 0 to 6

struct KeyRange {
    std::string begin;
    std::string end;  // exclusive; empty: no upper limit

    bool contains(std::string_view key) const { return key >= begin && (end.empty() || key < end); }
    friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

// Compares ends of ranges, where the empty one is the greatest.
inline std::strong_ordering compare_ends(std::string_view left, std::string_view right) {
    if (left.empty() || right.empty()) return left.empty() <=> right.empty();
    return left <=> right;
}

// Whether a key lies before the end of a range.
inline bool before_end(std::string_view key, std::string_view end) {
    return end.empty() || key < end;
}

}  // namespace timber::memtable
