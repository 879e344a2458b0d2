#pragma once
// What reads a whole log from a cold cache: the subjects of log_recovery. One operation is one
// reading of all of it.
#include <rocksdb/db.h>

#include <memory>
#include <string>

#include "benches/frame/options.h"
#include "benches/frame/subject.h"
#include "benches/log/log_owner.h"

namespace timber::bench {

// How much log is read.
uint64_t log_bytes(Options& options);

// Times one reading after the other until the slice is over, each from a cold cache.
class ReadSubject : public Subject {
  public:
    uint32_t lanes(const Case&) const override { return 1; }
    Status run_slice(const Case& wanted, SliceRecorder& recorder) override;

  protected:
    explicit ReadSubject(Options& options) : bytes_(log_bytes(options)) {}

    virtual Status read_all() = 0;
    // Between two readings.
    virtual Status make_ready() { return {}; }

    const uint64_t bytes_;  // of payload
};

// Direct reads of 1 MiB, four in flight, in order: what the disk gives.
class DiskReadSubject : public ReadSubject {
  public:
    explicit DiskReadSubject(Options& options);

    std::string name() const override { return "floor"; }
    Status prepare(const Case& wanted) override;
    Status finish(const Case& wanted) override;

  protected:
    Status read_all() override;

  private:
    const std::string path_;
    std::unique_ptr<Platform> platform_;
    FileHandle file_;
};

// This log's open(), which checks every batch and shows it to its owner. In case `crash` the log
// is as a process left it that ended without closing it.
class LogReadSubject : public ReadSubject {
  public:
    explicit LogReadSubject(Options& options);

    std::string name() const override { return "timberkv"; }
    Status prepare(const Case& wanted) override;
    Status finish(const Case& wanted) override;
    std::optional<DeviceCount> device_count() const override;

  protected:
    Status read_all() override { return owner_->reopen(); }
    Status make_ready() override;

  private:
    const std::string directory_;
    const bool tiny_;
    bool crashed_ = false;
    std::string superblock_;  // as the crash left it
    std::unique_ptr<LogOwner> owner_;
    DeviceCount closed_count_;
};

// RocksDB's write-ahead log over the same records: read alone, by its TransactionLogIterator
// ("rocksdb"), or replayed into a memtable by DB::Open ("rocksdb_open").
class RocksdbReadSubject : public ReadSubject {
  public:
    RocksdbReadSubject(Options& options, bool replay);

    std::string name() const override { return replay_ ? "rocksdb_open" : "rocksdb"; }
    Status prepare(const Case& wanted) override;
    Status finish(const Case& wanted) override;

  protected:
    Status read_all() override { return replay_ ? open() : iterate(); }
    Status make_ready() override;

  private:
    Status open();
    Status fill(uint64_t value_bytes);
    Status iterate();

    const std::string directory_;
    const bool replay_;
    uint64_t records_ = 0;
    std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace timber::bench
