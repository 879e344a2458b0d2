#include "memtable/store_options.h"

#include <algorithm>
#include <string>

namespace timber::memtable {

static Status require(bool holds, std::string_view what) {
    if (holds) return {};
    return make_error(ErrorCode::kInvalidArgument, "option " + std::string(what));
}

static Status check_family(const FamilyOptions& family) {
    TIMBER_CHECK(require(family.block_bytes >= 256 && family.block_bytes <= 1_MiB,
                         "block_bytes is not within 256 B and 1 MiB"));
    TIMBER_CHECK(require(family.restart_interval >= 1, "restart_interval is 0"));
    return require(family.table_bytes_target >= 4_KiB, "table_bytes_target is below 4 KiB");
}

// The least that memory_bytes_max may be.
static size_t memory_bytes_needed(const Options& options) {
    return options.memory_table_bytes + options.block_cache_bytes +
           (options.compactions_max + 1) * kJobMemoryBytes;
}

Status check_options(const Options& options) {
    TIMBER_CHECK(require(!options.directory.empty(), "directory is empty"));
    for (const FamilyOptions& family : options.families) TIMBER_CHECK(check_family(family));
    // The first chunk of an empty one has 4 KiB: it would be full before anything is written.
    TIMBER_CHECK(require(options.memory_table_bytes >= 8_KiB, "memory_table_bytes is below 8 KiB"));
    TIMBER_CHECK(require(options.memory_tables_sealed_max >= 1, "memory_tables_sealed_max is 0"));
    TIMBER_CHECK(require(
        options.memory_bytes_max == 0 || options.memory_bytes_max >= memory_bytes_needed(options),
        "memory_bytes_max is below what a memory table, the cache and jobs need"));
    TIMBER_CHECK(require(options.level0_files_compact >= 1 &&
                             options.level0_files_compact <= options.level0_files_slow &&
                             options.level0_files_slow < options.level0_files_stop,
                         "level0_files_*: compact, slow and stop are not in this order"));
    TIMBER_CHECK(require(options.level_bytes_multiplier >= 2, "level_bytes_multiplier is below 2"));
    TIMBER_CHECK(require(options.debt_bytes_slow < options.debt_bytes_stop,
                         "debt_bytes_slow is not below debt_bytes_stop"));
    TIMBER_CHECK(require(options.compactions_max >= 1, "compactions_max is 0"));
    TIMBER_CHECK(require(options.job_step_bytes >= 1, "job_step_bytes is 0"));
    return require(options.retry_delay > Duration{}, "retry_delay is 0");
}

size_t memory_table_budget(const Options& options, size_t cache_bytes_reserved) {
    if (options.memory_bytes_max == 0) return 0;
    const size_t others = std::max(options.block_cache_bytes, cache_bytes_reserved) +
                          (options.compactions_max + 1) * kJobMemoryBytes;
    // Not 0, which would mean the opposite.
    return std::max<size_t>(options.memory_bytes_max - std::min(options.memory_bytes_max, others),
                            1);
}

}  // namespace timber::memtable
