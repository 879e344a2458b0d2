#include "logengine/witness_writer.h"

#include "logengine/control_file.h"

namespace timber::logengine {

WitnessWriter::WitnessWriter(Disk& disk, EventLoop& loop, FileHandle file, LogId log_id,
                             Epoch epoch, uint64_t next_sequence, Duration delay)
    : disk_(disk),
      loop_(loop),
      delay_(delay),
      timer_([this] { expired(); }),
      op_(
          loop, [](void* self, IoOp&) { static_cast<WitnessWriter*>(self)->completed(); }, this),
      block_(kControlBlockBytes),
      file_(file),
      next_{.log_id = log_id, .epoch = epoch, .sequence = next_sequence, .durable_lsn = Lsn()} {}

void WitnessWriter::durable(Lsn lsn, Instant now) {
    if (stopping_) return;
    next_.durable_lsn = lsn;
    durable_at_ = now;
    // The timer is not moved with each batch: it looks at expiry whether the log was idle for a
    // whole delay, so a witness comes at most two delays after the last batch.
    if (!timer_.armed()) loop_.start_timer(timer_, delay_);
}

void WitnessWriter::expired() {
    if (stopping_ || next_.durable_lsn <= witnessed_lsn_) return;
    if (loop_.clock().now() - durable_at_ < delay_ || op_.in_flight()) {
        loop_.start_timer(timer_, delay_);
        return;
    }
    write(false);
}

void WitnessWriter::write(bool closed) {
    next_.closed = closed;
    encode_witness(next_, block_.first(kControlBlockBytes));
    witnessed_lsn_ = next_.durable_lsn;
    op_.prepare_write(file_, ControlFile::witness_offset(next_.sequence),
                      block_.first(kControlBlockBytes), closed);
    ++next_.sequence;
    disk_.submit(op_);
}

void WitnessWriter::completed() {
    if (op_.result().ok()) ++written_;
    if (close_wanted_) {
        close_wanted_ = false;
        write(true);
        return;
    }
    if (done_) std::exchange(done_, nullptr)();
}

void WitnessWriter::close(Lsn durable_lsn, std::move_only_function<void()> done) {
    TIMBER_ASSERT(!stopping_);
    stopping_ = true;
    if (timer_.armed()) loop_.cancel_timer(timer_);
    next_.durable_lsn = durable_lsn;
    done_ = std::move(done);
    if (op_.in_flight()) {
        close_wanted_ = true;
    } else {
        write(true);
    }
}

void WitnessWriter::stop(std::move_only_function<void()> done) {
    TIMBER_ASSERT(!stopping_);
    stopping_ = true;
    if (timer_.armed()) loop_.cancel_timer(timer_);
    if (op_.in_flight()) {
        done_ = std::move(done);
    } else {
        done();
    }
}

}  // namespace timber::logengine
