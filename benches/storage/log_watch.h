#pragma once
// A Disk that counts what goes to the files below one directory, and notes when each write there
// that is durable, or sync, began and ended.
//
// From these times the bench counts how many durable writes of the log, one after the other, fit
// into the life of a command: so many it may have waited for.
//
// Thread:   as Disk; take() on the loop that is the home of the log's operations.
// Lifetime: nothing is in flight when it is destroyed.
#include <atomic>
#include <set>
#include <string>
#include <vector>

#include "benches/frame/interval.h"
#include "src/base/io/forwarding_disk.h"
#include "src/base/mutex.h"

namespace timber::bench {

class LogWatch : public ForwardingDisk {
  public:
    LogWatch(Disk& inner, std::string directory)
        : ForwardingDisk(inner), prefix_(std::move(directory) + "/") {}

    void submit(IoOp& op) override;
    Result<FileHandle> open(std::string_view path, OpenOptions options) override;
    void close(FileHandle file) override;

    uint64_t bytes_written() const { return bytes_.load(std::memory_order_relaxed); }
    uint64_t durable_writes() const { return durable_.load(std::memory_order_relaxed); }
    // Those that ended since it was last called.
    std::vector<Interval> take() { return std::exchange(writes_, {}); }

  private:
    struct Watched;
    bool watches(FileHandle file) TIMBER_EXCLUDES(mutex_);

    const std::string prefix_;
    std::atomic<uint64_t> bytes_ = 0;
    std::atomic<uint64_t> durable_ = 0;
    std::vector<Interval> writes_;  // the loop's
    Mutex mutex_;
    std::set<FileHandle> files_ TIMBER_GUARDED_BY(mutex_);
};

// How many of `writes`, one after the other, lie within `life`: never more than it waited for, if
// it waited for each to begin after the one before had ended.
class DurableChain {
  public:
    explicit DurableChain(std::vector<Interval> writes);
    uint32_t length_within(const Interval& life) const;

  private:
    std::vector<Interval> writes_;  // by their beginnings
    // The earliest end of writes_[i] and all behind it.
    std::vector<int64_t> earliest_end_ns_;
};

}  // namespace timber::bench
