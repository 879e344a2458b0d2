#pragma once
// A Disk that makes what is durable later than it could be: each sync and each durable write begins
// after a delay, which may change at any time.
//
// Thread:   as Disk.
// Lifetime: `inner` and `delay` outlive it. Nothing may be in flight when it is destroyed.
#include <atomic>
#include <cstdint>

#include "src/base/io/forwarding_disk.h"

namespace timber::process {

class SlowDisk : public ForwardingDisk {
  public:
    SlowDisk(Disk& inner, const std::atomic<uint32_t>& delay_ms)
        : ForwardingDisk(inner), delay_ms_(delay_ms) {}

    void submit(IoOp& op) override;
    Status sync_directory(std::string_view directory) override;

  private:
    struct Late;

    const std::atomic<uint32_t>& delay_ms_;
};

}  // namespace timber::process
