#include "src/platform/uring_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

namespace timber {

Result<std::unique_ptr<UringLoop>> UringLoop::create(Clock& clock) {
    TIMBER_TRY(std::unique_ptr<Uring> ring, Uring::create({.enable_later = true}));
    const int wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0) return os_error(errno, {}, "eventfd");
    return std::unique_ptr<UringLoop>(new UringLoop(clock, std::move(ring), wake_fd));
}

UringLoop::UringLoop(Clock& clock, std::unique_ptr<Uring> ring, int wake_fd)
    : Loop(clock), ring_(std::move(ring)), wake_fd_(wake_fd) {}

UringLoop::~UringLoop() {
    ring_.reset();
    ::close(wake_fd_);
}

UringLoop* UringLoop::current() { return dynamic_cast<UringLoop*>(Loop::current()); }

void UringLoop::enter() {
    ring_->enable();
    ring_->watch(wake_fd_);
}

// The ring watches for wake-ups of the eventfd, not for its count, so that nobody needs to read it;
// one 64-bit count is enough for all the wake-ups of any process's life.
void UringLoop::wake() {
    const int written = ::eventfd_write(wake_fd_, 1);
    TIMBER_ASSERT_OP(written, ==, 0);
}

}  // namespace timber
