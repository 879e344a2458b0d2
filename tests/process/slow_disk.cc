#include "tests/process/slow_disk.h"

#include <memory>
#include <thread>

namespace timber::process {

// An operation of ours, submitted late, for one of a loop's. It deletes itself.
struct SlowDisk::Late {
    Late(Disk& disk, IoOp& its_outer)
        : outer(its_outer),
          inner(*outer.home(), &done, this),
          timer([this, &disk] { disk.submit(inner); }) {
        if (outer.kind() == IoKind::kSync)
            inner.prepare_sync(outer.file());
        else
            inner.prepare_write(outer.file(), outer.offset(), {outer.data(), outer.bytes()},
                                outer.durable());
    }

    static void done(void* context, IoOp&) {
        const std::unique_ptr<Late> self(static_cast<Late*>(context));
        self->outer.finish_on_loop(self->inner.result());
    }

    IoOp& outer;
    IoOp inner;
    Timer timer;
};

void SlowDisk::submit(IoOp& op) {
    const auto delay = std::chrono::milliseconds(delay_ms_.load());
    const bool makes_durable =
        op.kind() == IoKind::kSync || (op.kind() == IoKind::kWrite && op.durable());
    if (delay.count() == 0 || !makes_durable) return inner_.submit(op);
    if (op.home() == nullptr) {
        std::this_thread::sleep_for(delay);
        return inner_.submit(op);
    }
    op.start();
    auto* late = new Late(inner_, op);
    op.home()->start_timer(late->timer, delay);
}

Status SlowDisk::sync_directory(std::string_view directory) {
    std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms_.load()));
    return inner_.sync_directory(directory);
}

}  // namespace timber::process
