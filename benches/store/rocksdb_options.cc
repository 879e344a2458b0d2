#include "benches/store/rocksdb_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <chrono>
#include <thread>

namespace timber::bench {

Status status_of(const rocksdb::Status& status) {
    if (status.ok()) return {};
    return make_error(ErrorCode::kIoError, "rocksdb: " + status.ToString());
}

rocksdb::Options rocksdb_options(const Settings& settings) {
    rocksdb::BlockBasedTableOptions table;
    table.block_size = kBlockBytes;
    table.block_cache = rocksdb::NewLRUCache(settings.cache_bytes);
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kFilterBitsPerKey));
    table.checksum = rocksdb::kXXH3;
    table.format_version = 5;

    rocksdb::Options options;
    options.create_if_missing = true;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    options.write_buffer_size = settings.memory_table_bytes;
    options.max_write_buffer_number = kMemoryTablesSealedMax + 1;
    options.level0_file_num_compaction_trigger = kLevel0Compact;
    options.level0_slowdown_writes_trigger = kLevel0Slow;
    options.level0_stop_writes_trigger = kLevel0Stop;
    options.max_bytes_for_level_base = settings.level1_bytes();
    options.target_file_size_base = settings.table_bytes();
    options.compression = rocksdb::kLZ4Compression;
    options.compression_per_level = {rocksdb::kNoCompression,  rocksdb::kNoCompression,
                                     rocksdb::kLZ4Compression, rocksdb::kLZ4Compression,
                                     rocksdb::kLZ4Compression, rocksdb::kLZ4Compression,
                                     rocksdb::kLZ4Compression};
    options.max_background_jobs = kCompactionsMax + 1;
    options.use_direct_reads = settings.direct_io;
    options.use_direct_io_for_flush_and_compaction = settings.direct_io;
    return options;
}

void wait_for_compactions(rocksdb::DB& db) {
    const auto property = [&](const char* name) {
        uint64_t value = 0;
        db.GetIntProperty(name, &value);
        return value;
    };
    while (property("rocksdb.num-running-flushes") + property("rocksdb.mem-table-flush-pending") +
               property("rocksdb.num-running-compactions") +
               property("rocksdb.compaction-pending") >
           0)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace timber::bench
