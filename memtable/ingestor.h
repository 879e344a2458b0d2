#pragma once
// Ingests: verifies in a job, then replaces the range by one change of the manifest.
//
// The sequences of an ingest, S for what hides the range and S + 1 for what replaces it, are
// reserved just before its edit is written, further ahead than batches get meanwhile. So they are
// the same on disk and in memory, greater than everything written until the ingest becomes visible,
// and a snapshot taken before that moment does not see it.
//
// In the moment of publication the range removes and the rows also go into the active memory
// table. Older tables still wait for their flush, and are read before the files; and once flushed
// they may outlive, in level 0, the ingest's own small files, which a compaction takes down.
//
// Thread:     the loop.
// Lifetime:   as Flusher.
// Invariants: IN1  of an ingest, the files and the rows are in one edit.
//             IN2  `done` runs once for each, never within ingest().
#include <array>
#include <list>
#include <vector>

#include "memtable/ingest_job.h"
#include "memtable/store_parts.h"

namespace timber::memtable {

class Ingestor {
  public:
    explicit Ingestor(StoreParts& parts);
    ~Ingestor();

    void ingest(IngestRequest request, Store::Done done);
    bool running() const { return !running_.empty(); }

  private:
    struct Running;

    Status check(const IngestRequest& request, const Version& version) const;
    void verified(Running& running, Status status);
    void push_change(Running& running);
    Result<VersionEdit> prepare(Running& running, const Version& version);
    // From the manifest's job.
    Result<std::vector<TableFileRef>> open_files(const VersionEdit& edit) const;
    void published(Running& running);
    void failed(Running& running, Error error);
    void end(Running& running, Status status);

    StoreParts& parts_;
    std::list<Running> running_;
};

}  // namespace timber::memtable
