#pragma once
// What a store tells of itself, for operators and benches. Counts are since open().
#include <array>
#include <cstdint>

#include "memtable/block_cache.h"
#include "memtable/types.h"
#include "src/base/histogram.h"

namespace timber::memtable {

struct LevelStats {
    size_t files = 0;
    uint64_t bytes = 0;
};

struct StoreStats {
    uint64_t batches = 0;
    uint64_t operations = 0;
    uint64_t user_bytes = 0;      // keys and values that were written
    uint64_t writes_refused = 0;  // kBusy
    uint64_t flushes = 0;
    uint64_t flush_bytes_written = 0;  // of files
    uint64_t compactions = 0;
    uint64_t compactions_moved = 0;  // files that went down a level without being rewritten
    uint64_t compaction_bytes_read = 0;
    uint64_t compaction_bytes_written = 0;
    uint64_t manifest_bytes_written = 0;
    uint64_t ingests = 0;
    uint64_t ingest_bytes = 0;
    uint64_t exports = 0;
    uint64_t files_removed = 0;
    uint64_t jobs_failed = 0;
    uint64_t delay_us = 0;  // that pace() has asked for

    size_t memory_table_bytes = 0;  // active and sealed
    size_t memory_tables_sealed = 0;
    uint64_t debt_bytes = 0;  // that compactions are behind by
    size_t snapshots = 0;
    size_t jobs_running = 0;
    size_t files_obsolete = 0;  // not removed yet
    std::array<std::array<LevelStats, kLevels>, kFamilies> levels{};
    BlockCache::Stats cache;
    Histogram flush_us;
    Histogram compaction_us;
};

}  // namespace timber::memtable
