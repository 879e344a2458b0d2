#pragma once
// A set of keys that answers "surely not in it" for almost all that are not: a binary fuse filter
// (Graf and Lemire, "Binary Fuse Filters: Fast and Smaller Than Xor Filters", JEA 2022, section 3).
//
// Each key has a place in three neighbouring segments of an array of fingerprints; the array is
// filled so that the three, xored, give the key's own fingerprint. FORMAT.md says why this one.
//
// Thread:   the builder belongs to one; TableFilter is immutable, any thread.
// Failure:  decode() is total. A filter that cannot be built (which the seed makes as unlikely as a
//           checksum's collision) is left out: the table is read as one without.
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/checksum.h"
#include "src/base/result.h"

namespace timber::memtable {

// What a filter knows of a key.
inline uint64_t filter_hash(std::string_view user_key) { return checksum64(as_bytes(user_key)); }

class TableFilterBuilder {
  public:
    // `fingerprint_bytes` is 1 or 2. `seed` differs from file to file, so that nobody can prepare
    // keys that no filter can be built for.
    TableFilterBuilder(size_t fingerprint_bytes, uint64_t seed)
        : fingerprint_bytes_(fingerprint_bytes), seed_(seed) {}

    // A key may come several times.
    void add(uint64_t hash) { hashes_.push_back(hash); }
    // Of the payload, about.
    size_t bytes_estimate() const { return hashes_.size() * 9 / 8 * fingerprint_bytes_ + 64; }
    // The payload of the filter block; empty if there is no filter. Uses up what was added.
    std::vector<std::byte> finish();

  private:
    const size_t fingerprint_bytes_;
    uint64_t seed_;
    std::vector<uint64_t> hashes_;
};

class TableFilter {
  public:
    // Where the places of a key are.
    struct Shape {
        uint64_t seed = 0;
        uint32_t segment_places = 0;  // a power of two
        uint32_t segments = 0;        // in which a key's first place may lie; two more follow
        uint32_t fingerprint_bytes = 1;

        uint64_t places() const { return (uint64_t{segments} + 2) * segment_places; }
    };

    // Lets everything pass.
    TableFilter() = default;
    static Result<TableFilter> decode(ByteView payload);

    bool may_contain(uint64_t hash) const;
    size_t memory_bytes() const { return fingerprints_.capacity(); }

  private:
    Shape shape_;
    std::vector<std::byte> fingerprints_;
};

namespace internal {

// A key's part in a filter, by its hash and the filter's seed.
struct FilterKey {
    uint64_t mixed = 0;

    FilterKey(uint64_t hash, uint64_t seed) : mixed(hash + seed) {
        mixed ^= mixed >> 33;
        mixed *= 0xff51afd7ed558ccd;
        mixed ^= mixed >> 33;
        mixed *= 0xc4ceb9fe1a85ec53;
        mixed ^= mixed >> 33;
    }
    static FilterKey of_mixed(uint64_t mixed) {
        FilterKey key;
        key.mixed = mixed;
        return key;
    }
    uint16_t fingerprint() const { return static_cast<uint16_t>(mixed ^ (mixed >> 32)); }
    struct Places {
        uint32_t first;
        uint32_t second;
        uint32_t third;
    };
    Places places(const TableFilter::Shape& shape) const {
        const uint64_t starts = uint64_t{shape.segments} * shape.segment_places;
        const auto first =
            static_cast<uint32_t>((static_cast<unsigned __int128>(mixed) * starts) >> 64);
        const uint32_t mask = shape.segment_places - 1;
        const uint32_t second =
            (first + shape.segment_places) ^ (static_cast<uint32_t>(mixed >> 18) & mask);
        const uint32_t third =
            (first + 2 * shape.segment_places) ^ (static_cast<uint32_t>(mixed) & mask);
        return {first, second, third};
    }

  private:
    FilterKey() = default;
};

}  // namespace internal

inline bool TableFilter::may_contain(uint64_t hash) const {
    if (fingerprints_.empty()) return true;
    const internal::FilterKey key(hash, shape_.seed);
    const auto [first, second, third] = key.places(shape_);
    if (shape_.fingerprint_bytes == 1) {
        const std::byte found = fingerprints_[first] ^ fingerprints_[second] ^ fingerprints_[third];
        return found == static_cast<std::byte>(key.fingerprint());
    }
    const auto at = [&](uint32_t place) {
        uint16_t value;
        std::memcpy(&value, fingerprints_.data() + size_t{place} * 2, sizeof value);
        return value;
    };
    return (at(first) ^ at(second) ^ at(third)) == key.fingerprint();
}

}  // namespace timber::memtable
