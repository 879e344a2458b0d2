#pragma once
// A Disk that counts what goes to the files below one directory, and notes when each write there
// that is durable, or sync, began and ended.
//
// From these times follows how many durable writes a command waited for (frame/chain.h).
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

}  // namespace timber::bench
