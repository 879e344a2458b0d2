#include "src/platform/uring_disk.h"

#include <pthread.h>

#include <atomic>
#include <memory>
#include <utility>

#include "src/base/io/log.h"
#include "src/platform/uring_loop.h"

namespace timber {

namespace {

constexpr Uring::Options kJobRing = {.submission_count_max = 32, .completion_count_max = 128};

// Counts the forks that this process came through.
std::atomic<uint64_t> fork_count = 0;

struct JobRing {
    std::unique_ptr<Uring> ring;
    uint64_t fork_count_when_made = 0;
};

std::unique_ptr<Uring> make_job_ring() {
    Result<std::unique_ptr<Uring>> made = Uring::create(kJobRing);
    if (!made) {
        log_warning("no io_uring for a job's thread: {}", made.error().to_string());
        return nullptr;
    }
    (*made)->enable();
    return std::move(made).value();
}

// The calling thread's ring for jobs, null if it could not be made. A child that was forked from a
// thread with a ring makes its own: the one it has by memory still belongs to the parent.
Uring* job_ring() {
    static const int registered = ::pthread_atfork(nullptr, nullptr, [] { ++fork_count; });
    TIMBER_ASSERT_OP(registered, ==, 0);
    thread_local JobRing mine = {.ring = make_job_ring(), .fork_count_when_made = fork_count};
    if (mine.fork_count_when_made != fork_count) {
        mine = {.ring = make_job_ring(), .fork_count_when_made = fork_count};
    }
    return mine.ring.get();
}

}  // namespace

void UringDisk::submit(IoOp& op) {
    const Descriptor file = descriptor(op.file());
    op.start();
    if (op.home() != nullptr) {
        UringLoop* loop = UringLoop::current();
        TIMBER_ASSERT(loop != nullptr && loop == op.home());
        loop->ring().submit(op, file);
    } else if (Uring* ring = job_ring()) {
        ring->submit(op, file);
        ring->poll();
    }
}

void UringDisk::wait(IoOp& op) {
    TIMBER_ASSERT(op.home() == nullptr);
    Uring* ring = job_ring();
    if (ring == nullptr) return op.finish(transfer_blocking(op, descriptor(op.file())));
    while (op.in_flight()) ring->wait(std::nullopt);
}

}  // namespace timber
