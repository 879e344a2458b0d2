#pragma once
// Compactions: starts what the picker finds, carries out what the owner asked for, and puts the
// outcome into the version.
//
// Thread:     the loop.
// Lifetime:   as Flusher.
// Invariants: CO1  at most Options::compactions_max run at once, each with its claim.
//             CO2  a claim is held until the version shows the outcome, or there is none.
#include <functional>
#include <list>
#include <memory>
#include <optional>

#include "memtable/compaction_job.h"
#include "memtable/compaction_picker.h"
#include "memtable/store_parts.h"

namespace timber::memtable {

class Compactor {
  public:
    using Done = std::move_only_function<void(Status)>;

    explicit Compactor(StoreParts& parts);
    ~Compactor();

    // Starts what is due.
    void work();
    // Brings what the range held up to `up_to` to the last level that holds any of it.
    void compact_range(RangeRequest request, Done done);
    // Answers everybody who asked for a range.
    void answer_all(const Error& error);

    bool running() const { return !running_.empty(); }
    // Nothing runs, and the last look found nothing to do.
    // Somebody waits for a range.
    bool asked() const { return !ranges_.empty(); }
    bool settled() const { return running_.empty() && ranges_.empty() && !due_; }

  private:
    struct Running;
    struct Range {
        RangeRequest request;
        Done done;
    };

    void work_on_ranges();
    PickInputs inputs() const;
    void start(Compaction compaction);
    void job_ended(Running& running, Status status);
    void push_outcome(Running& running, JobOutcome outcome);
    void published(Running& running);
    void failed(Running& running, Error error);
    void end(Running& running);

    StoreParts& parts_;
    const CompactionPicker picker_;
    std::list<Running> running_;
    std::list<Range> ranges_;
    bool due_ = true;
};

}  // namespace timber::memtable
