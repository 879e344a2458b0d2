#include "benches/store/rocksdb_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>

#include <chrono>
#include <thread>

#include "benches/frame/interval.h"

namespace timber::bench {

namespace {

Status status_of(const rocksdb::Status& status) {
    if (status.ok()) return {};
    return make_error(ErrorCode::kIoError, "rocksdb: " + status.ToString());
}

rocksdb::Slice slice_of(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view_of(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

rocksdb::WriteOptions without_log() {
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    return options;
}

class RocksdbReader : public Reader {
  public:
    explicit RocksdbReader(rocksdb::DB& db) : db_(db) {}

    Result<bool> get(std::string_view key) override {
        value_.Reset();
        const rocksdb::Status status =
            db_.Get({}, db_.DefaultColumnFamily(), slice_of(key), &value_);
        if (status.IsNotFound()) return false;
        TIMBER_CHECK(status_of(status));
        return true;
    }
    std::string_view value() const override { return view_of(value_); }

    void restart() override { cursor_.reset(db_.NewIterator({})); }
    void seek(std::string_view key) override { cursor_->Seek(slice_of(key)); }
    void seek_for_prev(std::string_view key) override { cursor_->SeekForPrev(slice_of(key)); }
    void next() override { cursor_->Next(); }
    void prev() override { cursor_->Prev(); }
    bool valid() const override { return cursor_->Valid(); }
    std::string_view cursor_key() const override { return view_of(cursor_->key()); }
    std::string_view cursor_value() const override { return view_of(cursor_->value()); }
    Status cursor_status() const override { return status_of(cursor_->status()); }

  private:
    rocksdb::DB& db_;
    rocksdb::PinnableSlice value_;
    std::unique_ptr<rocksdb::Iterator> cursor_;
};

}  // namespace

Status RocksdbStore::open(const std::string& directory, const Settings& settings) {
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
    rocksdb::DB* opened = nullptr;
    TIMBER_CHECK(status_of(rocksdb::DB::Open(options, directory, &opened)));
    db_.reset(opened);
    return {};
}

Status RocksdbStore::write(WriteSource& source) {
    const rocksdb::WriteOptions options = without_log();
    WriteSource::Write write;
    for (;;) {
        switch (source.next(write)) {
            case WriteSource::Turn::kOver: return {};
            case WriteSource::Turn::kWait:
                std::this_thread::sleep_for(
                    std::chrono::nanoseconds(std::max<int64_t>(write.wait_until_ns - now_ns(), 0)));
                break;
            case WriteSource::Turn::kWrite:
                TIMBER_CHECK(
                    status_of(db_->Put(options, slice_of(write.key), slice_of(write.value))));
                source.written();
                break;
        }
    }
}

Status RocksdbStore::remove_range(std::string_view begin, std::string_view end) {
    return status_of(db_->DeleteRange(without_log(), db_->DefaultColumnFamily(), slice_of(begin),
                                      slice_of(end)));
}

Status RocksdbStore::settle() {
    TIMBER_CHECK(status_of(db_->Flush({})));
    return wait_for_compactions();
}

Status RocksdbStore::wait_for_compactions() {
    const auto property = [&](const char* name) {
        uint64_t value = 0;
        db_->GetIntProperty(name, &value);
        return value;
    };
    while (property("rocksdb.num-running-flushes") + property("rocksdb.mem-table-flush-pending") +
               property("rocksdb.num-running-compactions") +
               property("rocksdb.compaction-pending") >
           0)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return {};
}

std::unique_ptr<Reader> RocksdbStore::reader() { return std::make_unique<RocksdbReader>(*db_); }

}  // namespace timber::bench
