#include "benches/log/counting_disk.h"

namespace timber::bench {

void CountingDisk::submit(IoOp& op) {
    switch (op.kind()) {
        case IoKind::kRead:
            add(reads_, 1);
            add(bytes_read_, op.bytes());
            break;
        case IoKind::kWrite:
            add(writes_, 1);
            add(bytes_written_, op.bytes());
            if (op.durable()) add(flushes_, 1);
            break;
        case IoKind::kSync: add(flushes_, 1); break;
        case IoKind::kAllocate: break;
    }
    inner_.submit(op);
}

DeviceCount CountingDisk::count() const {
    return {.bytes_written = bytes_written_.load(std::memory_order_relaxed),
            .writes = writes_.load(std::memory_order_relaxed),
            .bytes_read = bytes_read_.load(std::memory_order_relaxed),
            .reads = reads_.load(std::memory_order_relaxed),
            .flushes = flushes_.load(std::memory_order_relaxed)};
}

}  // namespace timber::bench
