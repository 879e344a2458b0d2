#pragma once
// Which options make sense together.
#include "memtable/options.h"
#include "src/base/result.h"

namespace timber::memtable {

// What one background job holds at most, about: buffers of its writer and of its readers ahead.
inline constexpr size_t kJobMemoryBytes = 8_MiB;

// kInvalidArgument with the option's name where one is outside of its range.
Status check_options(const Options& options);

// What memory tables may take together, given what the cache cannot do without; 0: no limit but
// their number.
size_t memory_table_budget(const Options& options, size_t cache_bytes_reserved);

}  // namespace timber::memtable
