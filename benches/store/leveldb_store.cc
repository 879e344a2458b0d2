#include "benches/store/leveldb_store.h"

namespace timber::bench {

namespace {

Status leveldb_status(const leveldb::Status& status) {
    if (status.ok()) return {};
    return make_error(ErrorCode::kIoError, "leveldb: " + status.ToString());
}

leveldb::Slice leveldb_slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view leveldb_view(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

class LeveldbReader : public Reader {
  public:
    explicit LeveldbReader(leveldb::DB& db) : db_(db) {}

    Result<bool> get(std::string_view key) override {
        const leveldb::Status status = db_.Get({}, leveldb_slice(key), &value_);
        if (status.IsNotFound()) return false;
        TIMBER_CHECK(leveldb_status(status));
        return true;
    }
    std::string_view value() const override { return value_; }

    void restart() override { cursor_.reset(db_.NewIterator({})); }
    void seek(std::string_view key) override { cursor_->Seek(leveldb_slice(key)); }
    // LevelDB has only the one; in a bench the key is there or a greater one is.
    void seek_for_prev(std::string_view key) override {
        cursor_->Seek(leveldb_slice(key));
        if (!cursor_->Valid()) {
            cursor_->SeekToLast();
        } else if (leveldb_view(cursor_->key()) != key) {
            cursor_->Prev();
        }
    }
    void next() override { cursor_->Next(); }
    void prev() override { cursor_->Prev(); }
    bool valid() const override { return cursor_->Valid(); }
    std::string_view cursor_key() const override { return leveldb_view(cursor_->key()); }
    std::string_view cursor_value() const override { return leveldb_view(cursor_->value()); }
    Status cursor_status() const override { return leveldb_status(cursor_->status()); }

  private:
    leveldb::DB& db_;
    std::string value_;
    std::unique_ptr<leveldb::Iterator> cursor_;
};

}  // namespace

Status LeveldbStore::open(const std::string& directory, const Settings& settings) {
    cache_.reset(leveldb::NewLRUCache(settings.cache_bytes));
    filter_.reset(leveldb::NewBloomFilterPolicy(kFilterBitsPerKey));
    leveldb::Options options;
    options.create_if_missing = true;
    options.block_size = kBlockBytes;
    options.block_cache = cache_.get();
    options.filter_policy = filter_.get();
    options.write_buffer_size = settings.memory_table_bytes;
    options.max_file_size = settings.table_bytes();
    leveldb::DB* opened = nullptr;
    TIMBER_CHECK(leveldb_status(leveldb::DB::Open(options, directory, &opened)));
    db_.reset(opened);
    return {};
}

void LeveldbStore::close() {
    db_.reset();
    cache_.reset();
    filter_.reset();
}

Status LeveldbStore::write(WriteSource& source) {
    WriteSource::Write write;
    while (source.next(write) == WriteSource::Turn::kWrite) {
        TIMBER_CHECK(
            leveldb_status(db_->Put({}, leveldb_slice(write.key), leveldb_slice(write.value))));
        source.written();
    }
    return {};
}

Status LeveldbStore::remove_range(std::string_view, std::string_view) {
    return make_error(ErrorCode::kUnsupported, "leveldb removes no ranges");
}

Status LeveldbStore::settle() {
    db_->CompactRange(nullptr, nullptr);
    return {};
}

std::unique_ptr<Reader> LeveldbStore::reader() { return std::make_unique<LeveldbReader>(*db_); }

}  // namespace timber::bench
