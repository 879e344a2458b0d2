#pragma once
// Appends edits to the manifest from the store's loop: one job at a time; what queued meanwhile is
// written together and synced once.
//
// Thread:     the owner's loop; the work runs as jobs.
// Lifetime:   disk, executor and loop outlive it. Destroyed once close() has completed.
// Invariants: MW1  at most one job runs.
//             MW2  each `done` runs exactly once, on the loop, in the order of the appends, never
//                  within append().
//             MW3  after poisoned() no `done` brings success.
// Failure:    an edit that does not fit what is there brings kInvalidArgument, and is not written.
//             An error that leaves poisoned() false wrote nothing (kNoSpace, or trouble with a
//             new file): the same edit may be appended again later. One that makes it true is
//             final: what the next opening finds of that edit is unknown.
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "memtable/manifest_files.h"
#include "memtable/version_edit.h"
#include "src/base/io/disk.h"
#include "src/base/io/event_loop.h"
#include "src/base/io/executor.h"
#include "src/base/result.h"

namespace timber::memtable {

class ManifestWriter {
  public:
    using Done = std::move_only_function<void(Status)>;

    // So many appends may wait; the store has far fewer jobs that end in one.
    static constexpr size_t kAppendsMax = 4096;

    // `files` has been renewed.
    ManifestWriter(Executor& executor, EventLoop& loop, std::unique_ptr<ManifestFiles> files,
                   Duration retry_delay);
    ~ManifestWriter();
    // Begins what is due after an opening.
    void start() { work(); }

    // `done` runs once the edit is durable, after the `done` of all edits before it.
    void append(VersionEdit edit, Done done);

    bool poisoned() const { return poisoned_; }
    const ManifestFiles::Counters& counters() const { return counters_; }
    // What the durable edits add up to; the files in it are not opened.
    const VersionRef& state() const { return state_; }
    // No job runs, and nothing is due but what failed and waits.
    bool idle() const { return !job_running_ && waiting_.empty() && !may_tend(); }

    // Appends that no job has begun with bring kClosed; `closed` runs once the files are closed.
    void close(std::move_only_function<void()> closed);
    void check_invariants() const;

  private:
    struct Append {
        VersionEdit edit;
        Done done;
    };
    struct Group;

    void work();
    void run_group();
    void finish_group(std::unique_ptr<Group> group);
    void run_tending();
    void finish_tending(Status tended);
    bool may_tend() const;
    void take_stock();
    void job_ended();
    void run_closing();

    Executor& executor_;
    EventLoop& loop_;
    std::unique_ptr<ManifestFiles> files_;  // the running job's, while one runs
    const Duration retry_delay_;
    std::deque<Append> waiting_;
    // What is known of the files since the last job.
    bool due_ = false;
    bool poisoned_ = false;
    ManifestFiles::Counters counters_;
    VersionRef state_;

    bool job_running_ = false;
    bool work_posted_ = false;
    Timer retry_timer_;
    bool trouble_told_ = false;
    std::move_only_function<void()> closed_;
    bool closing_ = false;
};

}  // namespace timber::memtable
