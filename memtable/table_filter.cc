#include "memtable/table_filter.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "src/base/assert.h"
#include "src/base/coding.h"

namespace timber::memtable {

namespace {

using internal::FilterKey;
using Shape = TableFilter::Shape;

// A try fails once in a hundred for few keys, far more seldom for many.
constexpr int kTriesMax = 64;
constexpr uint32_t kSegmentPlacesMax = 1 << 18;
// Places are counted in 32 bits.
constexpr size_t kKeysMax = size_t{1} << 30;
constexpr size_t kHeaderBytes = 8 + 4 + 4 + 4;

// The paper's figures for three places a key.
Shape shape_for(size_t keys, size_t fingerprint_bytes) {
    Shape shape;
    shape.fingerprint_bytes = static_cast<uint32_t>(fingerprint_bytes);
    const double count = static_cast<double>(std::max<size_t>(keys, 2));
    const double segment_log = std::floor(std::log(count) / std::log(3.33) + 2.25);
    shape.segment_places =
        std::min(uint32_t{1} << static_cast<uint32_t>(segment_log), kSegmentPlacesMax);
    const double factor = std::max(1.125, 0.875 + 0.25 * std::log(1e6) / std::log(count));
    const auto capacity = static_cast<uint64_t>(std::round(count * factor));
    const uint64_t segments = (capacity + shape.segment_places - 1) / shape.segment_places;
    shape.segments = static_cast<uint32_t>(segments > 2 ? segments - 2 : 1);
    return shape;
}

uint64_t next_seed(uint64_t& state) {
    state += 0x9e3779b97f4a7c15;
    uint64_t mixed = state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
}

// One try to fill a filter: takes keys that are alone in one of their places off, one after the
// other, until none is left; in the reverse order each finds such a place free for its fingerprint.
class Construction {
  public:
    Construction(const Shape& shape, const std::vector<uint64_t>& hashes)
        : shape_(shape), mixed_(shape.places()), counts_(shape.places()) {
        for (const uint64_t mixed : sorted(hashes)) {
            const Places at = places(mixed);
            for (size_t which = 0; which < at.size(); ++which) {
                mixed_[at[which]] ^= mixed;
                counts_[at[which]] = static_cast<uint8_t>((counts_[at[which]] + 4) ^ which);
                overflow_ |= counts_[at[which]] < 4;
            }
        }
        keys_ = hashes.size();
    }

    bool run() {
        if (overflow_) return false;
        std::vector<uint32_t> alone;
        alone.reserve(counts_.size());
        for (uint32_t place = 0; place < counts_.size(); ++place)
            if (is_alone(place)) alone.push_back(place);
        order_.reserve(keys_);
        which_.reserve(keys_);
        while (!alone.empty()) {
            const uint32_t place = alone.back();
            alone.pop_back();
            if (!is_alone(place)) continue;
            const uint64_t mixed = mixed_[place];
            const size_t which = counts_[place] & 3;
            order_.push_back(mixed);
            which_.push_back(static_cast<uint8_t>(which));
            counts_[place] = 0;
            const Places at = places(mixed);
            for (const size_t other : {kNext[which], kNext[which + 1]}) {
                mixed_[at[other]] ^= mixed;
                counts_[at[other]] = static_cast<uint8_t>((counts_[at[other]] - 4) ^ other);
                if (is_alone(at[other])) alone.push_back(at[other]);
            }
        }
        return order_.size() == keys_;
    }

    // Of a run that was successful.
    void fill(std::byte* fingerprints) const {
        for (size_t i = order_.size(); i-- > 0;) {
            const Places at = places(order_[i]);
            const size_t which = which_[i];
            const auto value = static_cast<uint16_t>(FilterKey::of_mixed(order_[i]).fingerprint() ^
                                                     get(fingerprints, at[kNext[which]]) ^
                                                     get(fingerprints, at[kNext[which + 1]]));
            if (shape_.fingerprint_bytes == 1)
                fingerprints[at[which]] = static_cast<std::byte>(value);
            else
                store(fingerprints + size_t{at[which]} * 2, value);
        }
    }

  private:
    using Places = std::array<uint32_t, 3>;
    // The two others of a key's three places: those at `which` and `which + 1`.
    static constexpr std::array<size_t, 4> kNext = {1, 2, 0, 1};

    Places places(uint64_t mixed) const {
        const FilterKey::Places at = FilterKey::of_mixed(mixed).places(shape_);
        return {at.first, at.second, at.third};
    }
    bool is_alone(uint32_t place) const { return counts_[place] >> 2 == 1; }
    uint16_t get(const std::byte* fingerprints, uint32_t place) const {
        if (shape_.fingerprint_bytes == 1) return static_cast<uint16_t>(fingerprints[place]);
        return load<uint16_t>(fingerprints + size_t{place} * 2);
    }
    // Mixed, and about in the order of their first places, so that neighbours come after each
    // other and find what they touch in the processor's cache.
    std::vector<uint64_t> sorted(const std::vector<uint64_t>& hashes) const {
        constexpr unsigned kBits = 8;
        std::array<uint32_t, (1 << kBits) + 1> starts{};
        for (const uint64_t hash : hashes)
            ++starts[(FilterKey(hash, shape_.seed).mixed >> (64 - kBits)) + 1];
        for (size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
        std::vector<uint64_t> sorted(hashes.size());
        for (const uint64_t hash : hashes) {
            const uint64_t mixed = FilterKey(hash, shape_.seed).mixed;
            sorted[starts[mixed >> (64 - kBits)]++] = mixed;
        }
        return sorted;
    }

    const Shape& shape_;
    size_t keys_ = 0;
    // Of the keys that have a place here: their hashes xored; how many there are, times four, and
    // which of their places it is for them (0 to 2) xored.
    std::vector<uint64_t> mixed_;
    std::vector<uint8_t> counts_;
    bool overflow_ = false;  // a count did not fit
    // The keys that were taken off, and by which of their places.
    std::vector<uint64_t> order_;
    std::vector<uint8_t> which_;
};

}  // namespace

std::vector<std::byte> TableFilterBuilder::finish() {
    if (hashes_.empty() || hashes_.size() > kKeysMax) return {};
    Shape shape = shape_for(hashes_.size(), fingerprint_bytes_);
    for (int tried = 0; tried < kTriesMax; ++tried) {
        shape.seed = next_seed(seed_);
        Construction construction(shape, hashes_);
        if (!construction.run()) {
            // Two of a hash never come apart. Rare: versions of one key come in a row.
            if (tried == 0) {
                std::ranges::sort(hashes_);
                hashes_.erase(std::ranges::unique(hashes_).begin(), hashes_.end());
            }
            continue;
        }
        const size_t fingerprints_bytes = shape.places() * shape.fingerprint_bytes;
        std::vector<std::byte> payload;
        payload.reserve(kHeaderBytes + fingerprints_bytes);
        put_fixed(payload, shape.seed);
        put_fixed(payload, shape.segment_places);
        put_fixed(payload, shape.segments);
        put_fixed(payload, shape.fingerprint_bytes);
        payload.resize(kHeaderBytes + fingerprints_bytes);
        construction.fill(payload.data() + kHeaderBytes);
        return payload;
    }
    return {};
}

Result<TableFilter> TableFilter::decode(ByteView payload) {
    ByteReader reader(payload);
    TableFilter filter;
    Shape& shape = filter.shape_;
    shape.seed = reader.fixed<uint64_t>();
    shape.segment_places = reader.fixed<uint32_t>();
    shape.segments = reader.fixed<uint32_t>();
    shape.fingerprint_bytes = reader.fixed<uint32_t>();
    if (!reader.ok() || !is_power_of_two(shape.segment_places) ||
        shape.segment_places > kSegmentPlacesMax || shape.segments == 0 ||
        shape.fingerprint_bytes < 1 || shape.fingerprint_bytes > 2 || shape.places() > UINT32_MAX ||
        shape.places() * shape.fingerprint_bytes != reader.remaining())
        return make_error(ErrorCode::kCorrupted, "the filter is malformed");
    const ByteView fingerprints = reader.bytes(reader.remaining());
    filter.fingerprints_.resize(fingerprints.size());
    copy_bytes(fingerprints, filter.fingerprints_.data());
    return filter;
}

}  // namespace timber::memtable
