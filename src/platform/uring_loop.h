#pragma once
// The event loop that waits in its own io_uring: disk operations with this loop as their home are
// submitted to that ring and complete from it, with no other thread between. One system call a
// turn hands over what the tasks asked for and sleeps.
//
// Thread:   as Loop.
// Lifetime: as Loop.
// Failure:  create() fails as Uring::create does, or if no descriptor is left.
#include <memory>

#include "src/platform/loop.h"
#include "src/platform/uring.h"

namespace timber {

class UringLoop : public Loop {
  public:
    static Result<std::unique_ptr<UringLoop>> create(Clock& clock);
    ~UringLoop() override;

    // The loop that the calling thread is in, null if it is in none of this kind.
    static UringLoop* current();
    Uring& ring() { return *ring_; }

  protected:
    void enter() override;
    void poll() override { ring_->poll(); }
    void wait(std::optional<Duration> timeout) override { ring_->wait(timeout); }
    void wake() override;
    bool quiet() const override { return ring_->operations_in_flight() == 0 && Loop::quiet(); }

  private:
    UringLoop(Clock& clock, std::unique_ptr<Uring> ring, int wake_fd);

    std::unique_ptr<Uring> ring_;
    int wake_fd_;  // an eventfd, watched by the ring; its count is never read, only its wake-ups
};

}  // namespace timber
