#pragma once
// Writes the witness when the log falls idle: "all batches up to here are durable".
//
// While batches flow, each group tells how far the log was durable when it was submitted. The last
// groups before a pause have no successor to do that, so a pause ends with a witness. It is
// written, not waited for, and not synced.
//
// Thread:     the owner's loop.
// Lifetime:   destroyed only while idle().
// Failure:    a failed witness is dropped and a later one tried: nothing depends on it but the
//             diagnosis of damage.
#include <functional>

#include "logengine/format.h"
#include "src/base/aligned_buffer.h"
#include "src/base/io/disk.h"
#include "src/base/io/event_loop.h"

namespace timber::logengine {

class WitnessWriter {
  public:
    WitnessWriter(Disk& disk, EventLoop& loop, FileHandle file, LogId log_id, Epoch epoch,
                  uint64_t next_sequence, Duration delay);
    ~WitnessWriter() { TIMBER_ASSERT(idle()); }

    // The log is durable up to `lsn`, and this is news of right now.
    void durable(Lsn lsn, Instant now);
    // Writes a last, durable witness once the one under way, if any, is done; then `done`.
    void close(Lsn durable_lsn, std::move_only_function<void()> done);
    // Writes nothing more; `done` once nothing is under way.
    void stop(std::move_only_function<void()> done);

    bool idle() const { return !op_.in_flight(); }
    uint64_t written() const { return written_; }

  private:
    void expired();
    void write(bool closed);
    void completed();

    Disk& disk_;
    EventLoop& loop_;
    Duration delay_;
    Timer timer_;
    IoOp op_;
    AlignedBuffer block_;
    FileHandle file_;
    Witness next_;       // what would be written now, but for `closed`
    Lsn witnessed_lsn_;  // the newest that was written
    Instant durable_at_;
    bool stopping_ = false;
    bool close_wanted_ = false;
    std::move_only_function<void()> done_;
    uint64_t written_ = 0;
};

}  // namespace timber::logengine
