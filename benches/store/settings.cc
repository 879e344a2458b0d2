#include "benches/store/settings.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "src/base/assert.h"
#include "src/base/bytes.h"
#include "src/base/coding.h"
#include "src/base/random.h"

namespace timber::bench {

Settings Settings::of(Options& options, double memory_table_mib) {
    Settings settings{.seed = options.seed};
    settings.memory_table_bytes =
        static_cast<size_t>(options.parameter("memory_table_mib", memory_table_mib) * 1_MiB);
    settings.cache_bytes =
        static_cast<size_t>(options.parameter("cache_mib", 2 * memory_table_mib) * 1_MiB);
    settings.large_bytes =
        static_cast<uint64_t>(options.parameter("data_mib", 20 * memory_table_mib) * 1_MiB);
    settings.small_bytes = std::max<uint64_t>(settings.cache_bytes / 4, 256_KiB);
    settings.direct_io = options.parameter("direct", 1) != 0;
    return settings;
}

void write_key(uint64_t place, char* to) {
    static constexpr char kDigits[] = "0123456789abcdef";
    for (size_t i = 0; i < kKeyBytes; ++i) to[i] = kDigits[place >> (60 - 4 * i) & 0xf];
}

// A Feistel network over the smallest even number of bits that holds `count` is a permutation;
// walking it until the result is below `count` makes it one of exactly those numbers.
Shuffle::Shuffle(uint64_t count, uint64_t seed) : count_(count), seed_(seed) {
    TIMBER_ASSERT(count > 0);
    half_bits_ = (static_cast<unsigned>(std::bit_width(count - 1)) + 1) / 2;
    mask_ = (uint64_t{1} << half_bits_) - 1;
}

uint64_t Shuffle::operator()(uint64_t index) const {
    do {
        uint64_t left = index >> half_bits_;
        uint64_t right = index & mask_;
        for (uint64_t round = 1; round <= 4; ++round) {
            uint64_t mixed = (right + seed_ + round) * 0x9e3779b97f4a7c15;
            mixed ^= mixed >> 29;
            const uint64_t next = (left ^ mixed) & mask_;
            left = right;
            right = next;
        }
        index = left << half_bits_ | right;
    } while (index >= count_);
    return index;
}

ValueMaker::ValueMaker(size_t bytes, uint64_t seed) : bytes_(bytes) {
    TIMBER_ASSERT(bytes >= 2 * sizeof(uint64_t));
    Random random(seed);
    source_.resize(1_MiB + bytes);
    // Pieces of eight bytes, every other one a repetition.
    for (size_t i = 0; i + 8 <= source_.size(); i += 8) {
        const uint64_t noise = i / 8 % 2 == 0 ? random.next() : 0x2020202020202020;
        std::memcpy(source_.data() + i, &noise, 8);
    }
    value_.resize(bytes);
}

std::string_view ValueMaker::make(uint64_t place, uint64_t version) {
    const size_t at = (place * 7 + version) * 8 % 1_MiB;
    std::memcpy(value_.data(), source_.data() + at, bytes_);
    std::memcpy(value_.data(), &place, sizeof place);
    return value_;
}

bool ValueMaker::belongs(std::string_view value, uint64_t place, size_t bytes) {
    return value.size() == bytes &&
           load<uint64_t>(reinterpret_cast<const std::byte*>(value.data())) == place;
}

}  // namespace timber::bench
