#include "src/platform/platform.h"

#include <utility>
#include <vector>

#include "src/base/io/log.h"
#include "src/base/mutex.h"
#include "src/platform/plain_loop.h"
#include "src/platform/system_clock.h"
#include "src/platform/thread_disk.h"
#include "src/platform/thread_pool.h"
#include "src/platform/uring_disk.h"
#include "src/platform/uring_loop.h"

namespace timber {

namespace {

// Everything but what differs between io_uring and threads. The order of the fields matters: the
// executor ends first, since its jobs use the disk, then the disk with its threads, and last the
// loops, to which both post.
class PlatformOnDisk : public Platform {
  public:
    PlatformOnDisk(std::unique_ptr<Disk> disk, const PlatformOptions& options)
        : disk_(std::move(disk)), executor_(options.job_threads) {}

    Clock& clock() override { return clock_; }
    Disk& disk() override { return *disk_; }
    Executor& executor() override { return executor_; }

    Result<std::shared_ptr<Loop>> make_loop() override {
        TIMBER_TRY(std::shared_ptr<Loop> loop, make_loop_of_kind());
        const MutexLock lock(mutex_);
        loops_.push_back(loop);
        return loop;
    }

  protected:
    virtual Result<std::shared_ptr<Loop>> make_loop_of_kind() = 0;

  private:
    SystemClock clock_;
    Mutex mutex_;
    // Shared with whoever asked for the loop.
    std::vector<std::shared_ptr<Loop>> loops_ TIMBER_GUARDED_BY(mutex_);
    std::unique_ptr<Disk> disk_;
    ThreadPoolExecutor executor_;
};

class UringPlatform : public PlatformOnDisk {
  public:
    explicit UringPlatform(const PlatformOptions& options)
        : PlatformOnDisk(std::make_unique<UringDisk>(options.data_directory), options) {}

    bool uses_uring() const override { return true; }

  protected:
    Result<std::shared_ptr<Loop>> make_loop_of_kind() override {
        TIMBER_TRY(std::shared_ptr<Loop> loop, UringLoop::create(clock()));
        return loop;
    }
};

class ThreadPlatform : public PlatformOnDisk {
  public:
    explicit ThreadPlatform(const PlatformOptions& options)
        : PlatformOnDisk(std::make_unique<ThreadDisk>(options.data_directory, options.disk_threads),
                         options) {}

    bool uses_uring() const override { return false; }

  protected:
    Result<std::shared_ptr<Loop>> make_loop_of_kind() override {
        return std::shared_ptr<Loop>(std::make_shared<PlainLoop>(clock()));
    }
};

std::unique_ptr<Platform> make_thread_platform(const PlatformOptions& options,
                                               std::string_view reason) {
    log_info("disk input and output by {} threads: {}", options.disk_threads, reason);
    return std::make_unique<ThreadPlatform>(options);
}

}  // namespace

Result<std::unique_ptr<Platform>> Platform::create(const PlatformOptions& options) {
    if (options.backend == IoBackend::kThreads) {
        return make_thread_platform(options, "chosen by configuration");
    }
    const Status probed = Uring::probe();
    if (probed) {
        log_info("disk input and output by io_uring");
        return std::unique_ptr<Platform>(std::make_unique<UringPlatform>(options));
    }
    if (options.backend == IoBackend::kUring) return probed.error();
    return make_thread_platform(options, "io_uring is refused here: " + probed.error().to_string());
}

Result<std::unique_ptr<LoopThread>> Platform::start_loop(std::string name) {
    TIMBER_TRY(std::shared_ptr<Loop> loop, make_loop());
    return std::make_unique<LoopThread>(std::move(loop), std::move(name));
}

}  // namespace timber
