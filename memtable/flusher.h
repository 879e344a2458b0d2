#pragma once
// Flushes sealed memory tables, one job at a time, and tells whoever waits for it.
//
// A flush takes all tables that wait, or, where space is short, the oldest alone. When its edit is
// durable, its tables leave the view in the same step in which the new files come into it: a reader
// sees each entry in one of the two, never in both views neither.
//
// Short of space: the first failure gives up the reserve, and the flush is tried again at once with
// what that freed; if that fails too it waits for space like everything else.
//
// Thread:     the loop.
// Lifetime:   what the parts refer to outlives it; nothing runs once the runner has stopped.
// Invariants: FL1  tables are flushed in the order in which they were sealed.
//             FL2  a waiter is answered once, when all that was written before it came is durable,
//                  or with the reason why it will not be.
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "memtable/flush_job.h"
#include "memtable/store_parts.h"

namespace timber::memtable {

class Flusher {
  public:
    using Done = std::move_only_function<void(Status)>;

    explicit Flusher(StoreParts& parts) : parts_(parts) {}
    ~Flusher() { TIMBER_ASSERT(job_ == nullptr && waiters_.empty()); }

    // Starts what is due.
    void work();
    // `done` runs when everything up to `sequence`, the last one so far, is in files.
    void wait(Sequence sequence, Done done);
    // Whether somebody waits for something in the active memory table.
    bool wants_active() const;
    // Answers those who wait, if it is time; everybody where there is an error.
    void answer(const std::optional<Error>& error);
    // With nothing in memory: only tells the manifest that, and how far the log is needed.
    void write_floor(LogMark floor);

    bool running() const { return job_ != nullptr; }
    // A flush failed for want of space, and none has succeeded since.
    bool short_of_space() const { return short_of_space_; }

  private:
    struct Waiter {
        Sequence sequence;
        Done done;
    };

    void start();
    void job_ended(Status status);
    void published(const Version& version);
    void failed(Error error);
    // Of what is in memory only; above every sequence if nothing is.
    Sequence oldest_in_memory() const;

    StoreParts& parts_;
    std::unique_ptr<FlushJob> job_;
    size_t tables_ = 0;  // of the job
    Instant started_;
    bool short_of_space_ = false;
    std::deque<Waiter> waiters_;  // by sequence
};

}  // namespace timber::memtable
