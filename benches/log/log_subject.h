#pragma once
// This log, under the three kinds of load: callers with callbacks (case `async`), blocking callers
// (case `threads`), and arrivals at a fixed rate (cases `open`).
#include <memory>
#include <string>
#include <vector>

#include "benches/frame/options.h"
#include "benches/frame/subject.h"
#include "benches/log/caller_threads.h"
#include "benches/log/log_owner.h"
#include "benches/log/waiter.h"

namespace timber::bench {

class LogSubject : public Subject {
  public:
    explicit LogSubject(Options& options);

    std::string name() const override { return "timberkv"; }
    uint32_t lanes(const Case& wanted) const override;
    Status prepare(const Case& wanted) override;
    Status run_slice(const Case& wanted, SliceRecorder& recorder) override;
    Status finish(const Case& wanted) override;
    std::optional<DeviceCount> device_count() const override;

  private:
    Status run_arrivals(SliceRecorder& recorder);
    Status run_threads(const Case& wanted, SliceRecorder& recorder);
    void note_log(SliceRecorder& recorder);

    const std::string directory_;
    const uint64_t segment_bytes_;
    std::unique_ptr<LogOwner> owner_;
    std::unique_ptr<CallerThreads> threads_;
    // One for each thread.
    std::vector<Waiter> waiters_;
    std::vector<LogOwner::Call> calls_;
    // When the slice began.
    logengine::Stats before_;
    uint64_t read_ = 0;  // bytes
    DeviceCount closed_count_;
};

}  // namespace timber::bench
