#pragma once
// Work in the background that makes table files, cut into steps: a flush or a compaction, and also
// an export or an ingest.
//
// The store runs each step as a job of the Executor and decides between two of them when the next
// may run: so a rate limit, a flush that goes first and a shut-down need nothing that sleeps.
//
// Thread:     made on the loop; step() and abandon() from jobs, one at a time, not necessarily on
//             the same thread; everything else on the loop, while no step runs. A job that wrote
//             something is abandoned, or gave its outcome, before it is destroyed.
// Lifetime:   what the environment refers to outlives the job.
// Invariants: J1  no I/O of the job is in flight between two steps.
//             J2  after abandon() no file that it made is left, as far as the disk lets it.
//             J3  an outcome names files that are durable, their names included.
// Failure:    after an error only abandon() makes sense. Nothing refers to the files yet, so the
//             work is begun anew later, with new ones.
#include <atomic>
#include <cstdint>
#include <vector>

#include "memtable/block_cache.h"
#include "memtable/directory_sync.h"
#include "memtable/file_meta.h"
#include "memtable/options.h"
#include "memtable/table_access.h"
#include "memtable/version_edit.h"
#include "src/base/io/disk.h"
#include "src/base/result.h"

namespace timber::memtable {

// Gives numbers to new files. Any thread.
class FileNumbers {
  public:
    explicit FileNumbers(FileNumber next) : next_(next.value()) {}

    FileNumber take() { return FileNumber(next_.fetch_add(1, std::memory_order_relaxed)); }
    // `number` is in use already.
    void skip(FileNumber number) {
        uint64_t next = next_.load(std::memory_order_relaxed);
        while (next <= number.value() && !next_.compare_exchange_weak(next, number.value() + 1)) {
        }
    }
    // No number that was taken is this or greater.
    FileNumber next() const { return FileNumber(next_.load(std::memory_order_relaxed)); }

  private:
    std::atomic<uint64_t> next_;
};

struct JobEnvironment {
    Disk& disk;
    const Options& options;
    BlockCache& cache;
    FileNumbers& numbers;
    DirectorySync& names;
    // Of this store; new files carry it.
    uint64_t store_id = 0;
    // Told of the new files once they are obsolete; may be null.
    ObsoleteFiles* obsolete = nullptr;
    // How inputs are read.
    const TableAccess& tables = open_tables();
};

struct JobCounts {
    uint64_t bytes_read = 0;     // of files
    uint64_t bytes_written = 0;  // of files
    uint64_t entries_read = 0;
    uint64_t entries_written = 0;
    uint64_t files_written = 0;
};

// What a job made, for the manifest and for the next version.
struct JobOutcome {
    // Without file_next, which the store knows: FileNumbers::next() when it appends the edit.
    VersionEdit edit;
    // The files that it adds, opened.
    std::vector<TableFileRef> files;
};

// What JobRunner drives.
class SteppedJob {
  public:
    enum class Progress : uint8_t { kMore, kDone };

    virtual ~SteppedJob() = default;

    // Works on for about Options::job_step_bytes.
    virtual Result<Progress> step() = 0;
    // Removes what was written.
    virtual void abandon() = 0;
    virtual const JobCounts& counts() const = 0;
};

class BackgroundJob : public SteppedJob {
  public:
    // Once, after kDone.
    virtual JobOutcome take_outcome() = 0;
};

}  // namespace timber::memtable
