#pragma once
// Exports under way.
//
// Thread:     the loop.
// Lifetime:   as Flusher.
// Invariants: EX1  `done` runs once for each, never within run().
#include <list>
#include <memory>

#include "memtable/export_job.h"
#include "memtable/store_parts.h"

namespace timber::memtable {

class Exporter {
  public:
    explicit Exporter(StoreParts& parts) : parts_(parts) {}
    ~Exporter() { TIMBER_ASSERT(running_.empty()); }

    // The request has a snapshot; `open` makes iterators of the store.
    void run(ExportRequest request, ExportJob::Open open, Store::ExportDone done);
    bool running() const { return !running_.empty(); }

  private:
    struct Running {
        std::unique_ptr<ExportJob> job;
        Store::ExportDone done;
    };

    void ended(Running& running, Status status);

    StoreParts& parts_;
    std::list<Running> running_;
};

}  // namespace timber::memtable
