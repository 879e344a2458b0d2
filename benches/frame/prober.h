#pragma once
// Tells the machine's stalls from ours.
//
// A prober writes one synced block to its own file 100 times a second, beside the subjects. Where a
// subject stalls and the prober does not, the stall is the subject's. A write of the prober counts
// from when it was due, so that a machine which stood still altogether is seen as well; its thread
// asks for the highest priority, so that a subject which keeps all cores busy is not mistaken for
// such a machine.
//
// Thread: any, after start().
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "benches/frame/block_file.h"
#include "benches/frame/interval.h"
#include "src/base/mutex.h"

namespace timber::bench {

// Whether `stall` counts as the subject's: no write among `probed`, which are the prober's slow
// ones, covers at least half of it.
bool is_ours(const Interval& stall, const std::vector<Interval>& probed);

class Prober {
  public:
    static constexpr int64_t kPeriodNs = 10 * kNsPerMs;
    // Slower writes than this are kept. An ordinary one takes a tenth.
    static constexpr int64_t kSlowNs = 2 * kNsPerMs;

    static Result<std::unique_ptr<Prober>> start(const std::string& directory);
    ~Prober() = default;

    // The slow writes so far, in order.
    std::vector<Interval> slow_writes() const;
    // How many writes it made, each of BlockFile::kBlockBytes.
    uint64_t writes() const { return writes_.load(std::memory_order_relaxed); }
    // The processor time that it used.
    int64_t cpu_ns() const { return cpu_ns_.load(std::memory_order_relaxed); }
    // Why it gave up, if it did.
    Status status() const;

  private:
    explicit Prober(std::unique_ptr<BlockFile> file) : file_(std::move(file)) {}
    void run(const std::stop_token& stop);
    // One write that was due at `due_ns`; false if it failed.
    bool probe(int64_t due_ns);

    std::unique_ptr<BlockFile> file_;
    std::atomic<uint64_t> writes_ = 0;
    std::atomic<int64_t> cpu_ns_ = 0;
    mutable Mutex mutex_;
    std::vector<Interval> slow_writes_ TIMBER_GUARDED_BY(mutex_);
    Status status_ TIMBER_GUARDED_BY(mutex_);
    std::jthread thread_;  // last: it uses the rest
};

}  // namespace timber::bench
