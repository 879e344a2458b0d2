#include "benches/log/leveldb_subject.h"

namespace timber::bench {

static Status status_of(const leveldb::Status& status) {
    if (status.ok()) return {};
    return make_error(ErrorCode::kIoError, "leveldb: " + status.ToString());
}

Status LeveldbSubject::open(const std::string& directory) {
    leveldb::Options options;
    options.create_if_missing = true;
    options.compression = leveldb::kNoCompression;
    options.write_buffer_size = kMemtableBytes;
    leveldb::DB* opened = nullptr;
    TIMBER_CHECK(status_of(leveldb::DB::Open(options, directory, &opened)));
    db_.reset(opened);
    return {};
}

Status LeveldbSubject::put(const std::string& key, std::string_view value, bool synced) {
    leveldb::WriteOptions options;
    options.sync = synced;
    return status_of(db_->Put(options, key, leveldb::Slice(value.data(), value.size())));
}

Result<std::string> LeveldbSubject::get(const std::string& key) {
    std::string value;
    TIMBER_CHECK(status_of(db_->Get({}, key, &value)));
    return value;
}

}  // namespace timber::bench
