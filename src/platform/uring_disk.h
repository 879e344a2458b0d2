#pragma once
// The Disk on io_uring.
//
// Operations with a home go to the ring of that loop, which must be a UringLoop, and complete on
// it without a hop between threads. Operations of jobs go to a small ring of the job's thread,
// made at its first one, so that a job may have several in flight; where such a ring cannot be had
// (no descriptor left), wait() carries the operation out by plain system calls.
//
// Thread:   as Disk.
// Lifetime: as Disk. A thread that submitted from a job waits for all of it before it ends.
// Failure:  as Disk.
#include <string_view>

#include "src/platform/posix_disk.h"

namespace timber {

class UringDisk : public PosixDisk {
  public:
    using PosixDisk::PosixDisk;

    void submit(IoOp& op) override;
    void wait(IoOp& op) override;
};

}  // namespace timber
