#pragma once
// Carries out one compaction: merges its inputs and writes them to new files of the level below.
//
// Files of the output level that a range remove of the inputs covers as a whole are not even read.
//
// Thread, invariants, failure: background_job.h.
#include <memory>
#include <vector>

#include "memtable/background_job.h"
#include "memtable/compaction.h"

namespace timber::memtable {

class CompactionJob final : public BackgroundJob {
  public:
    struct Request {
        Compaction compaction;  // no move
        // Of the snapshots that are held, ascending.
        std::vector<Sequence> snapshots;
    };

    // `seed` is for the identities of the files.
    CompactionJob(const JobEnvironment& environment, Request request, uint64_t seed);
    ~CompactionJob() override;

    Result<Progress> step() override;
    void abandon() override;
    JobOutcome take_outcome() override;
    const JobCounts& counts() const override;
    const Compaction& compaction() const;

  private:
    class Core;
    std::unique_ptr<Core> core_;
};

}  // namespace timber::memtable
