#pragma once
// The Disk where io_uring is refused: plain system calls, on a few threads of its own for
// operations with a home, on the job's own thread, inside wait(), for the others.
//
// Thread:     as Disk. Its own threads see a request from submit() until they post its completion.
// Lifetime:   as Disk. Completes what is in flight before it is gone.
// Invariants: D1  requests start in the order of their submission.
// Failure:    as Disk.
#include <cstddef>
#include <deque>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "src/base/mutex.h"
#include "src/platform/posix_disk.h"

namespace timber {

class ThreadDisk : public PosixDisk {
  public:
    ThreadDisk(std::string_view data_directory, size_t thread_count);
    ~ThreadDisk() override;

    void submit(IoOp& op) override;
    void wait(IoOp& op) override;

  private:
    struct Request;

    void work();
    // Nothing once the disk is being destroyed and all is done.
    std::unique_ptr<Request> take_request();

    Mutex mutex_;
    ConditionVariable changed_;
    std::deque<std::unique_ptr<Request>> requests_ TIMBER_GUARDED_BY(mutex_);
    bool stopping_ TIMBER_GUARDED_BY(mutex_) = false;
    std::vector<std::thread> threads_;
};

}  // namespace timber
