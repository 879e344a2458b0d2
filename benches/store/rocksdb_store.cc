#include "benches/store/rocksdb_store.h"

#include <chrono>
#include <thread>

#include "benches/frame/interval.h"
#include "benches/store/rocksdb_options.h"

namespace timber::bench {

namespace {

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
    rocksdb::DB* opened = nullptr;
    TIMBER_CHECK(status_of(rocksdb::DB::Open(rocksdb_options(settings), directory, &opened)));
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
    bench::wait_for_compactions(*db_);
    return {};
}

std::unique_ptr<Reader> RocksdbStore::reader() { return std::make_unique<RocksdbReader>(*db_); }

}  // namespace timber::bench
