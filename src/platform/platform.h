#pragma once
// The front door of the production platform: the clock, the disk, the executor and the event loops
// of a process, all on io_uring, or all on threads and plain system calls where io_uring is
// refused. Which of the two, and why, is said once in the log.
//
//   TIMBER_TRY(auto platform, Platform::create({.data_directory = "/var/lib/timberkv"}));
//   TIMBER_TRY(auto store_thread, platform->start_loop("store"));
//   store_thread->loop().post(...);
//
// Thread:   any.
// Lifetime: outlives everything that uses a part of it. Stop the loops first. Loops stay in memory,
//           stopped, until the platform's own threads have ended and cannot post any more.
// Failure:  create() fails only if io_uring is demanded and refused.
#include <memory>
#include <string>

#include "src/base/io/clock.h"
#include "src/base/io/disk.h"
#include "src/base/io/executor.h"
#include "src/platform/loop_thread.h"

namespace timber {

enum class IoBackend {
    kAutomatic,  // io_uring if the kernel lets us
    kUring,      // io_uring or nothing
    kThreads,    // the fallback, even if io_uring would work
};

struct PlatformOptions {
    IoBackend backend = IoBackend::kAutomatic;
    // Where the data will be: its file system is asked about direct I/O. Need not exist yet.
    std::string data_directory = ".";
    size_t job_threads = 2;
    size_t disk_threads = 4;  // of the fallback
};

class Platform {
  public:
    static Result<std::unique_ptr<Platform>> create(const PlatformOptions& options);
    virtual ~Platform() = default;

    virtual Clock& clock() = 0;
    virtual Disk& disk() = 0;
    virtual Executor& executor() = 0;
    // A loop for the caller to run, and one with a thread of its own. Operations of disk() may have
    // either as their home.
    virtual Result<std::shared_ptr<Loop>> make_loop() = 0;
    Result<std::unique_ptr<LoopThread>> start_loop(std::string name);

    virtual bool uses_uring() const = 0;
};

}  // namespace timber
