#pragma once
// What the owner may set, and what each part of the store reads of it.
#include <array>
#include <cstdint>
#include <string>

#include "memtable/types.h"
#include "src/base/bytes.h"
#include "src/base/io/clock.h"

namespace timber::memtable {

enum class Compression : uint8_t {
    kNone = 0,
    kLz4 = 1,
    kZstd = 2,
};

// Of one table file.
struct TableOptions {
    // A block is closed once its entries reach this many bytes, before compression. 256 B to 1 MiB.
    size_t block_bytes = 4_KiB;
    // Every so many entries a key is stored whole. At least 1.
    size_t restart_interval = 16;
    Compression compression = Compression::kLz4;
    int zstd_level = 1;
    // Of the filter, for each key, about. 0: no filter. A filter has fingerprints of 8 bits, which
    // take 9 bits a key (0.4 % of absent keys pass), or, from 18 on, of 16 bits (0.002 %).
    size_t filter_bits_per_key = 10;
    // Written past the page cache where the disk can.
    bool direct = true;
};

// Of one family.
struct FamilyOptions {
    size_t block_bytes = 4_KiB;
    size_t restart_interval = 16;
    // By level; the last level usually holds most of the data.
    std::array<Compression, kLevels> compression = {
        Compression::kNone, Compression::kNone, Compression::kLz4, Compression::kLz4,
        Compression::kLz4,  Compression::kLz4,  Compression::kLz4};
    int zstd_level = 1;
    size_t filter_bits_per_key = 10;
    // A compaction begins a new file about here.
    uint64_t table_bytes_target = 64_MiB;

    TableOptions table(size_t level) const {
        return {block_bytes, restart_interval, compression[level], zstd_level, filter_bits_per_key};
    }
};

struct Options {
    // The store's directory. Its parent must exist.
    std::string directory;
    // Make a new store where there is none; otherwise a missing one is kMissing.
    bool create = true;
    // A new store's identity, drawn at random by the owner; an existing store keeps its own.
    uint64_t store_id = 1;
    // Of the store's random choices (file identities, skip list heights): drawn anew by the owner
    // for every opening.
    uint64_t seed = 1;

    std::array<FamilyOptions, kFamilies> families{};

    // A memory table is sealed once it holds this much, all families together.
    size_t memory_table_bytes = 64_MiB;
    // Sealed ones that may wait for their flush; with more, writes are refused (kBusy).
    size_t memory_tables_sealed_max = 4;
    // Blocks of tables; indexes and filters of open tables count towards it.
    size_t block_cache_bytes = 256_MiB;
    // Everything: memory tables, cache, and what jobs hold. Writes are refused above it. 0: the sum
    // of what the other limits allow.
    size_t memory_bytes_max = 0;

    // Files in level 0 at which a compaction starts, writers are slowed, and stopped.
    size_t level0_files_compact = 4;
    size_t level0_files_slow = 20;
    size_t level0_files_stop = 36;
    // The levels below 0 grow by equal factors, at most this, from half of level1_bytes (or of what
    // a full level 0 holds, if that is less) to the size of all data in level 6: level_shape.h.
    size_t level_bytes_multiplier = 5;
    uint64_t level1_bytes = 256_MiB;
    // Bytes that compaction is behind by, at which writers are slowed, and stopped.
    uint64_t debt_bytes_slow = 4_GiB;
    uint64_t debt_bytes_stop = 16_GiB;
    // Jobs that may run at once besides a flush.
    size_t compactions_max = 2;
    // Of flushes and compactions, read and written; 0: no limit.
    uint64_t background_bytes_per_second = 0;
    // A job works for about so many bytes before it lets the store look at it again.
    uint64_t job_step_bytes = 4_MiB;

    // The manifest is written anew once it is larger than this and than the state it tells.
    uint64_t manifest_bytes_max = 4_MiB;
    // After trouble that may pass: when work is tried again. Doubles, up to 32 times this.
    Duration retry_delay = std::chrono::milliseconds(500);
    // Obsolete files are removed at most this fast, so that freeing their blocks stalls nobody.
    // 0: no limit.
    uint64_t remove_bytes_per_second = 256_MiB;
    // Bypass the page cache where the disk can.
    bool direct_io = true;
};

}  // namespace timber::memtable
