#pragma once
// Changes of the version, one after another: each is worked out on the loop when its turn has
// come, made durable in the manifest by a job, and then published.
//
// The order of the manifest is the order of publication, because there is no second change until
// the first is published. What a change is based on, the version, cannot move under it either.
//
// Thread:     the loop; files are opened by a plain job of the runner.
// Lifetime:   writer and runner outlive it.
// Invariants: MQ1  at most one change is between prepare() and its end.
//             MQ2  of each change exactly one of publish() and failed() runs, once; failed()
//             perhaps
//                  within push().
//             MQ3  publish() runs only when the change and all its files are durable.
// Failure:    a failed write of the manifest is for ever: the change's outcome is in doubt, and no
//             change after it is tried. Want of space before anything was written is told by
//             failed(), and the change may be made again.
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "memtable/job_runner.h"
#include "memtable/manifest_writer.h"
#include "memtable/version.h"

namespace timber::memtable {

struct VersionChange {
    // On the loop, when its turn has come: what changes, given the version. An error ends it.
    std::move_only_function<Result<VersionEdit>(const Version& current)> prepare;
    // The files that the edit adds, opened, but for those that only move to another level.
    std::vector<TableFileRef> files;
    // Instead, from a job, before anything is written.
    std::move_only_function<Result<std::vector<TableFileRef>>(const VersionEdit& edit)> open_files;
    // On the loop.
    std::move_only_function<void(VersionRef next)> publish;
    std::move_only_function<void(Error error)> failed;
};

class ManifestQueue {
  public:
    // `poisoned` runs on the loop when a write of the manifest failed.
    ManifestQueue(ManifestWriter& writer, JobRunner& runner, FileNumbers& numbers,
                  VersionRef version, std::move_only_function<void(Error)> poisoned);
    ~ManifestQueue();

    void push(VersionChange change);
    // No more changes: those whose turn has not come fail with kClosed. One that is being written
    // comes to its end.
    void stop();

    const VersionRef& version() const { return version_; }
    bool idle() const { return !running_ && waiting_.empty(); }
    // The last version, for the caller to let go of from a job. Once nothing asks for it any more.
    VersionRef take_version() { return std::move(version_); }

  private:
    void next_turn();
    void open_files();
    void append();
    void appended(Status status);
    void drop_removed();
    void end_with(Error error);

    ManifestWriter& writer_;
    JobRunner& runner_;
    FileNumbers& numbers_;
    VersionRef version_;
    std::move_only_function<void(Error)> poisoned_;
    std::deque<VersionChange> waiting_;
    // The change whose turn it is, what it changes, and what comes of it.
    std::optional<VersionChange> running_;
    VersionEdit edit_;
    VersionRef next_;
    // Why nothing is written any more.
    std::optional<Error> stopped_;
};

}  // namespace timber::memtable
