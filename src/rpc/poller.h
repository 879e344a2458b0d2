#pragma once
// A completion queue of gRPC and the thread that serves it.
//
// Thread:    any. Everything that gRPC reports to its users is called on the poller's thread.
// Lifetime:  outlives its server, channels and streams. stop() only after nobody starts calls or
//            streams on it any more; it returns once everything that was started has been reported.
#include <functional>
#include <memory>
#include <string>

#include "src/base/io/clock.h"

namespace timber::rpc {

class Poller {
  public:
    struct Impl;

    // `name` is for people.
    static std::unique_ptr<Poller> start(std::string name);
    explicit Poller(std::unique_ptr<Impl> impl);
    ~Poller();
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    // Runs `function` on the poller's thread, in `delay` or when the poller is stopped; at once, on
    // the caller's, if it was.
    void after(Duration delay, std::move_only_function<void()> function);
    void stop();
    Impl& impl() { return *impl_; }

  private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace timber::rpc
