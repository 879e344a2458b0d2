#pragma once
// Who looks for which of the state store's planted mistakes.
#include <array>

#include "src/base/mistake.h"

namespace timber::memtable {

// What shows after a crash: store_crash_explorer.
inline constexpr std::array kMistakesOfCrashes = {
    Mistake::store_family_flushed_later,  Mistake::store_directory_not_synced,
    Mistake::store_log_floor_late,        Mistake::store_ingest_rows_apart,
    Mistake::store_orphans_removed_early, Mistake::store_table_not_synced,
    Mistake::store_block_unchecked,
};

// What shows without one: store_model.
inline constexpr std::array kMistakesOfAnswers = {
    Mistake::store_range_remove_lost, Mistake::store_remove_dropped_early,
    Mistake::store_snapshot_ignored,  Mistake::store_versions_split,
    Mistake::store_level0_older_left, Mistake::store_ingest_skips_memory,
    Mistake::store_cache_id_by_name,  Mistake::store_filter_wrong_keys,
};

#define TIMBER_MISTAKE_COUNTED(name, sentence) +1
static_assert(kMistakesOfCrashes.size() + kMistakesOfAnswers.size() ==
                  0 TIMBER_MISTAKES_STORE(TIMBER_MISTAKE_COUNTED),
              "every mistake has one who looks for it");
#undef TIMBER_MISTAKE_COUNTED

}  // namespace timber::memtable
