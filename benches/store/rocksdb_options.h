#pragma once
// How the benches set RocksDB up and speak to it.
#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <string_view>

#include "benches/store/settings.h"
#include "src/base/result.h"

namespace timber::bench {

// A RocksDB status as ours.
Status status_of(const rocksdb::Status& status);

inline rocksdb::Slice slice_of(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
inline std::string_view view_of(const rocksdb::Slice& slice) {
    return {slice.data(), slice.size()};
}

// What `settings` ask of every store. Each call gives a cache of its own.
rocksdb::Options rocksdb_options(const Settings& settings);

// Until no flush and no compaction is due.
void wait_for_compactions(rocksdb::DB& db);

}  // namespace timber::bench
