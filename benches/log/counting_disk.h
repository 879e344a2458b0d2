#pragma once
// A Disk that counts what goes through it to another.
//
// The log's files are direct, so what passes here is what the device gets. Counted so, because the
// block layer also counts everybody else's.
//
// Thread: as Disk.
#include <atomic>

#include "benches/frame/subject.h"
#include "src/base/io/forwarding_disk.h"

namespace timber::bench {

class CountingDisk : public ForwardingDisk {
  public:
    explicit CountingDisk(Disk& disk) : ForwardingDisk(disk) {}

    DeviceCount count() const;

    void submit(IoOp& op) override;

  private:
    static void add(std::atomic<uint64_t>& count, uint64_t more) {
        count.fetch_add(more, std::memory_order_relaxed);
    }

    std::atomic<uint64_t> bytes_written_ = 0;
    std::atomic<uint64_t> writes_ = 0;
    std::atomic<uint64_t> bytes_read_ = 0;
    std::atomic<uint64_t> reads_ = 0;
    std::atomic<uint64_t> flushes_ = 0;
};

}  // namespace timber::bench
