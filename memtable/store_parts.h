#pragma once
// What the parts of a store share: the outside, the limits, and the one version, view and set of
// memory tables that all of them work on.
//
// Flusher, Compactor, Ingestor and Exporter each drive one kind of work on it; StoreCore
// (store_core.h) owns it and them, and looks at all of them again whenever changed() is called.
//
// Thread:   the loop, but for what says otherwise: current, snapshots, cache, numbers.
// Lifetime: one for each open store. The order of the members is the order in which they need each
//           other.
#include <functional>
#include <memory>

#include "memtable/background_job.h"
#include "memtable/compaction.h"
#include "memtable/compaction_picker.h"
#include "memtable/current_view.h"
#include "memtable/file_keeper.h"
#include "memtable/file_remover.h"
#include "memtable/health.h"
#include "memtable/job_runner.h"
#include "memtable/manifest_queue.h"
#include "memtable/pacing.h"
#include "memtable/snapshot_list.h"
#include "memtable/space_reserve.h"
#include "memtable/store.h"
#include "memtable/store_opening.h"
#include "memtable/write_path.h"
#include "src/base/random.h"

namespace timber::memtable {

// Of an opened store, what the running one keeps for its whole life, in the order of need. Made by
// the job that opens it.
struct StoreFoundation {
    StoreFoundation(Store::Environment outside, const Options& given);

    // From a job.
    Status open();

    const Store::Environment environment;
    const Options options;
    BlockCache cache;
    // Whether something still needs a file: set once there is somebody to know.
    std::function<bool(FileNumber)> needed;
    FileRemover remover;
    const Version::OpenFile open_file;
    OpenedStore opened;
    StoreReport report;
};

class StoreParts {
  public:
    // `changed` looks at everything again; it may be called from anywhere on the loop.
    StoreParts(std::unique_ptr<StoreFoundation> foundation, StoreListener& listener,
               std::move_only_function<void()> changed);

    // Makes the memory tables and the version of this moment visible, up to `visible`.
    void show(Sequence visible);
    void show() { show(current.visible()); }
    // Seals the active memory table.
    void seal();
    // Files of an edit that is not in the manifest. If that is in doubt, they stay.
    void discard(std::vector<TableFileRef> files);

    void changed() { changed_(); }
    uint64_t new_seed() { return random.next(); }
    Instant now() const { return environment.loop.clock().now(); }

    const std::unique_ptr<StoreFoundation> foundation;
    const Store::Environment& environment;
    const Options& options;
    StoreListener& listener;
    Random random;
    SnapshotList snapshots;
    Pacer pacer;
    JobRunner runner;
    Health health;
    FileNumbers numbers;
    ManifestWriter writer;
    ManifestQueue manifest;
    WritePath writes;
    CurrentView current;
    CompactionClaims claims;
    SpaceReserve reserve;
    FileKeeper files;
    const JobEnvironment jobs;
    StoreStats counts;

  private:
    std::move_only_function<void()> changed_;
};

inline uint64_t microseconds(Duration duration) {
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

}  // namespace timber::memtable
