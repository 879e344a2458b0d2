#include "benches/log/read_subjects.h"

#include <fcntl.h>
#include <rocksdb/transaction_log.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "benches/frame/machine.h"
#include "benches/store/rocksdb_options.h"
#include "src/base/aligned_buffer.h"

namespace timber::bench {

namespace {

constexpr size_t kReadBytes = 1_MiB;

}  // namespace

uint64_t log_bytes(Options& options) {
    const double otherwise = options.tiny ? 2 : options.quick ? 96 : 1024;
    return static_cast<uint64_t>(options.parameter("log_mib", otherwise)) * 1_MiB;
}

Status ReadSubject::run_slice(const Case&, SliceRecorder& recorder) {
    double seconds = 0;
    double readings = 0;
    do {
        TIMBER_CHECK(make_ready());
        drop_caches();
        const int64_t start = now_ns();
        TIMBER_CHECK(read_all());
        const int64_t end = now_ns();
        recorder.lane(0).done(start, end, bytes_);
        seconds += static_cast<double>(end - start) / kNsPerSecond;
        ++readings;
    } while (!recorder.over());
    recorder.note("MB/s", static_cast<double>(bytes_) * readings / seconds / 1e6);
    return {};
}

DiskReadSubject::DiskReadSubject(Options& options)
    : ReadSubject(options), path_(options.directory + "/read_floor") {}

Status DiskReadSubject::prepare(const Case&) {
    TIMBER_TRY(platform_, Platform::create({.data_directory = "."}));
    Disk& disk = platform_->disk();
    TIMBER_TRY(file_, disk.open(path_, {.create = true, .direct = true}));
    AlignedBuffer zeros(kReadBytes);
    std::memset(zeros.data(), 0, kReadBytes);
    for (uint64_t at = 0; at < bytes_; at += kReadBytes)
        TIMBER_CHECK(await_write(disk, file_, path_, at, zeros.first(kReadBytes)));
    return await_sync(disk, file_, path_);
}

Status DiskReadSubject::read_all() {
    constexpr size_t kInFlight = 4;
    Disk& disk = platform_->disk();
    // In huge pages, as the log's own reading is: from scattered ones it is a third as fast.
    AlignedBuffer memory(kInFlight * kReadBytes);
    std::array<IoOp, kInFlight> ops;
    const auto submit = [&](size_t slot, uint64_t at) {
        ops[slot].prepare_read(file_, at, memory.part(slot * kReadBytes, kReadBytes));
        disk.submit(ops[slot]);
    };
    for (uint64_t at = 0; at < bytes_ + kInFlight * kReadBytes; at += kReadBytes) {
        const size_t slot = at / kReadBytes % kInFlight;
        if (at >= kInFlight * kReadBytes && at < bytes_ + kInFlight * kReadBytes) {
            if (ops[slot].in_flight()) disk.wait(ops[slot]);
            TIMBER_CHECK(ops[slot].result());
        }
        if (at < bytes_) submit(slot, at);
    }
    return {};
}

Status DiskReadSubject::finish(const Case&) {
    platform_->disk().close(file_);
    return platform_->disk().remove(path_);
}

LogReadSubject::LogReadSubject(Options& options)
    : ReadSubject(options), directory_(options.directory + "/log"), tiny_(options.tiny) {}

Status LogReadSubject::prepare(const Case& wanted) {
    crashed_ = wanted.name == "crash";
    TIMBER_TRY(owner_, LogOwner::create(
                           {.directory = directory_,
                            .segment_bytes = tiny_ ? 1_MiB : logengine::Options{}.segment_bytes,
                            .payload_bytes = wanted.value_bytes}));
    TIMBER_CHECK(owner_->append_many(bytes_ / wanted.value_bytes, wanted.parallel));
    std::ifstream superblock(directory_ + "/superblock", std::ios::binary);
    superblock_.assign(std::istreambuf_iterator<char>(superblock), {});
    if (superblock_.empty()) return file_error(ErrorCode::kMissing, directory_, "no superblock");
    owner_->close();
    return {};
}

// A reopening that is closed leaves the witness of a clean close. Taken back, the log is as it was
// before, but for a spare segment's fresh identity.
Status LogReadSubject::make_ready() {
    owner_->close();
    if (!crashed_) return {};
    const std::string path = directory_ + "/superblock";
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.write(superblock_.data(), static_cast<std::streamsize>(superblock_.size()));
    file.close();
    if (!file) return file_error(ErrorCode::kIoError, path, "restore the superblock");
    return {};
}

Status LogReadSubject::finish(const Case&) {
    closed_count_ = owner_->device_count();
    owner_.reset();
    return {};
}

std::optional<DeviceCount> LogReadSubject::device_count() const {
    return owner_ == nullptr ? closed_count_ : owner_->device_count();
}

RocksdbReadSubject::RocksdbReadSubject(Options& options, bool replay)
    : ReadSubject(options),
      directory_(options.directory + (replay ? "/rocksdb_open" : "/rocksdb")),
      replay_(replay) {}

Status RocksdbReadSubject::prepare(const Case& wanted) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    records_ = bytes_ / wanted.value_bytes;
    TIMBER_CHECK(open());
    return fill(wanted.value_bytes);
}

// Nothing is ever flushed, so all records stay in the log.
Status RocksdbReadSubject::open() {
    rocksdb::Options options;
    options.create_if_missing = true;
    options.compression = rocksdb::kNoCompression;
    options.write_buffer_size = size_t{16} << 30;
    options.arena_block_size = 1 << 20;
    options.avoid_flush_during_recovery = true;
    options.avoid_flush_during_shutdown = true;
    rocksdb::DB* opened = nullptr;
    TIMBER_CHECK(status_of(rocksdb::DB::Open(options, directory_, &opened)));
    db_.reset(opened);
    if (db_->GetLatestSequenceNumber() == records_) return {};
    if (db_->GetLatestSequenceNumber() == 0) return {};
    return file_error(ErrorCode::kCorrupted, directory_, "the replay lost records");
}

Status RocksdbReadSubject::fill(uint64_t value_bytes) {
    const std::string value(value_bytes, 'v');
    for (uint64_t i = 0; i < records_; ++i) {
        const std::string key = std::to_string(10'000'000'000 + i);
        TIMBER_CHECK(status_of(db_->Put({}, key, value)));
    }
    return status_of(db_->SyncWAL());
}

Status RocksdbReadSubject::iterate() {
    std::unique_ptr<rocksdb::TransactionLogIterator> log;
    TIMBER_CHECK(status_of(db_->GetUpdatesSince(1, &log)));
    uint64_t found = 0;
    for (; log->Valid(); log->Next()) found += log->GetBatch().writeBatchPtr->Count();
    TIMBER_CHECK(status_of(log->status()));
    if (found != records_)
        return file_error(ErrorCode::kCorrupted, directory_, "the log's reader missed records");
    return {};
}

Status RocksdbReadSubject::make_ready() {
    if (replay_) db_.reset();
    return {};
}

Status RocksdbReadSubject::finish(const Case&) {
    db_.reset();
    std::filesystem::remove_all(directory_);
    return {};
}

}  // namespace timber::bench
