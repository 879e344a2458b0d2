#include "src/platform/uring_disk.h"

#include <memory>

#include "src/base/io/log.h"
#include "src/platform/uring_loop.h"

namespace timber {

namespace {

constexpr Uring::Options kJobRing = {.submission_count_max = 32, .completion_count_max = 128};

// The calling thread's ring for jobs, null if it could not be made.
Uring* job_ring() {
    thread_local const std::unique_ptr<Uring> ring = []() -> std::unique_ptr<Uring> {
        Result<std::unique_ptr<Uring>> made = Uring::create(kJobRing);
        if (!made) {
            log_warning("no io_uring for a job's thread: {}", made.error().to_string());
            return nullptr;
        }
        (*made)->enable();
        return std::move(made).value();
    }();
    return ring.get();
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
