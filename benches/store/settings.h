#pragma once
// What all stores of state_store are given alike: sizes, and the data that they hold.
#include <cstdint>
#include <string>
#include <string_view>

#include "benches/frame/options.h"

namespace timber::bench {

struct Settings {
    uint64_t seed = 1;
    size_t memory_table_bytes = 0;
    size_t cache_bytes = 0;
    uint64_t large_bytes = 0;  // of data that is far larger than memory tables and cache
    uint64_t small_bytes = 0;  // of data that the cache holds, block framing and all
    bool direct_io = true;

    // The memory table is so large unless asked for otherwise; what follows grows with it.
    static Settings of(Options& options, double memory_table_mib);

    // As for RocksDB: levels grow from four memory tables.
    uint64_t level1_bytes() const { return 4 * memory_table_bytes; }
    uint64_t table_bytes() const { return memory_table_bytes; }
};

inline constexpr size_t kKeyBytes = 16;
inline constexpr size_t kBlockBytes = 4096;
inline constexpr int kFilterBitsPerKey = 10;
inline constexpr int kLevel0Compact = 4;
inline constexpr int kLevel0Slow = 20;
inline constexpr int kLevel0Stop = 36;
inline constexpr int kMemoryTablesSealedMax = 4;
inline constexpr int kCompactionsMax = 2;

// The key of number `index` among those that are there: even places of the key space, so that the
// odd ones are absent. Sixteen hexadecimal digits.
void write_key(uint64_t place, char* to);

// Numbers below `count`, each once, in an order that looks random: what a fill at random writes.
class Shuffle {
  public:
    Shuffle(uint64_t count, uint64_t seed);
    uint64_t operator()(uint64_t index) const;

  private:
    uint64_t count_;
    uint64_t mask_;
    uint64_t seed_;
    unsigned half_bits_;
};

// Values that compress to about a half, and tell which key and which write they belong to.
class ValueMaker {
  public:
    ValueMaker(size_t bytes, uint64_t seed);
    // Good until the next call.
    std::string_view make(uint64_t place, uint64_t version);
    // Whether `value` is one that make() gave for `place`.
    static bool belongs(std::string_view value, uint64_t place, size_t bytes);

  private:
    size_t bytes_;
    std::string source_;  // half of it noise
    std::string value_;
};

}  // namespace timber::bench
