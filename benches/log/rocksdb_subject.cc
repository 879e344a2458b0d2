#include "benches/log/rocksdb_subject.h"

#include "benches/store/rocksdb_options.h"

namespace timber::bench {

Status RocksdbSubject::open(const std::string& directory) {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;
    options.write_buffer_size = kMemtableBytes;
    // Full log files are written over, as this log does: a synced append to one then changes no
    // metadata.
    options.recycle_log_file_num = 4;
    // enable_pipelined_write stays off: with 64 callers on two cores it costs RocksDB a fifth.
    rocksdb::DB* opened = nullptr;
    TIMBER_CHECK(status_of(rocksdb::DB::Open(options, directory, &opened)));
    db_.reset(opened);
    return {};
}

Status RocksdbSubject::put(const std::string& key, std::string_view value, bool synced) {
    rocksdb::WriteOptions options;
    options.sync = synced;
    return status_of(db_->Put(options, key, rocksdb::Slice(value.data(), value.size())));
}

Result<std::string> RocksdbSubject::get(const std::string& key) {
    std::string value;
    TIMBER_CHECK(status_of(db_->Get({}, key, &value)));
    return value;
}

}  // namespace timber::bench
