#pragma once
// Writes sealed memory tables to level 0: one table for each family that has anything, without the
// versions that no snapshot and no newest reader needs.
//
// Thread, invariants, failure: background_job.h.
#include <array>
#include <memory>
#include <vector>

#include "memtable/background_job.h"
#include "memtable/memory_table.h"
#include "memtable/version.h"

namespace timber::memtable {

class FlushJob final : public BackgroundJob {
  public:
    struct Request {
        // Sealed, oldest first, and none older is left unflushed.
        std::vector<std::shared_ptr<const MemoryTable>> tables;
        // What the new files will lie upon.
        VersionRef version;
        // Of the snapshots that are held, ascending.
        std::vector<Sequence> snapshots;
        // Everything up to `flushed` is in `tables` or in files; both go into the edit.
        Sequence flushed;
        LogMark log_floor;
    };

    // `seed` is for the identities of the files.
    FlushJob(const JobEnvironment& environment, Request request, uint64_t seed);
    ~FlushJob() override;

    Result<Progress> step() override;
    void abandon() override;
    JobOutcome take_outcome() override;
    const JobCounts& counts() const override;

  private:
    class Core;
    std::unique_ptr<Core> core_;
};

}  // namespace timber::memtable
