#pragma once
// One io_uring, and the data operations that are in it.
//
// Operations that find the submission queue full wait in a list of ours, of any length, because
// each is an object of its caller's: whoever submits bounds them. Short reads and writes go back
// in for the rest (transfer.h).
//
// Thread:     one thread alone: that of create(), or, for a ring made with `enable_later`, that of
//             enable().
// Lifetime:   nothing may be in flight when it is destroyed.
// Invariants: R1  operations_in_flight() counts what was submitted and not yet finished, in the
//                 ring or in the list.
// Failure:    create() fails where the kernel or a sandbox refuses io_uring, or lacks a part that
//             we need.
#include <liburing.h>

#include <memory>
#include <optional>

#include "src/base/io/clock.h"
#include "src/base/io/disk.h"
#include "src/platform/transfer.h"

namespace timber {

class Uring {
  public:
    struct Options {
        unsigned submission_count_max = 256;
        unsigned completion_count_max = 4096;  // more are kept by the kernel until there is room
        bool enable_later = false;             // made on one thread, used by another
    };

    static Result<std::unique_ptr<Uring>> create(Options options);
    ~Uring();
    Uring(const Uring&) = delete;
    Uring& operator=(const Uring&) = delete;

    // A round trip through a ring of its own: why io_uring cannot be used here, if it cannot.
    static Status probe();

    // Takes possession for the calling thread.
    void enable();

    // Queues `op`, which was started; the next poll() or wait() gives it to the kernel.
    void submit(IoOp& op, Descriptor file);
    // Asks for a return from wait() whenever `fd` becomes readable, from now on.
    void watch(int fd);

    // Gives what is queued to the kernel and finishes what it has completed: operations with a
    // home on their loop, others in place.
    void poll();
    // The same, but sleeps until there is a completion or the time is over.
    void wait(std::optional<Duration> timeout);

    size_t operations_in_flight() const { return operations_in_flight_; }

  private:
    Uring() = default;

    io_uring_sqe* next_entry();
    bool fill(IoOp& op);
    void fill_from_backlog();
    void push_backlog(IoOp& op);
    bool kernel_has_work() const;
    void submit_all_but_last();
    void reap();
    void complete(IoOp& op, int64_t answer);
    void complete_watch(const io_uring_cqe& completion);

    io_uring ring_ = {};
    bool disabled_ = false;
    int watched_fd_ = -1;
    bool watch_armed_ = false;
    size_t operations_in_flight_ = 0;
    // Operations that found no room, oldest first, linked through their scratch.
    IoOp* backlog_first_ = nullptr;
    IoOp* backlog_last_ = nullptr;
};

}  // namespace timber
