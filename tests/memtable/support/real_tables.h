#pragma once
// Table files on a simulated disk, made of contents as FakeTables makes its own.
#include <memory>
#include <string>

#include "memtable/block_cache.h"
#include "memtable/options.h"
#include "tests/memtable/support/fake_tables.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sim_world.h"

namespace timber::memtable {

class RealTables {
  public:
    // Every table is written with the options.
    RealTables(SimDisk& disk, const TableOptions& options, size_t cache_bytes)
        : disk_(disk), options_(options), cache_(cache_bytes) {}

    // From a job. Whoever holds the file last closes it, from a job too.
    TableFileRef add(Family family, const TableContents& contents);
    BlockCache& cache() { return cache_; }

  private:
    SimDisk& disk_;
    TableOptions options_;
    BlockCache cache_;
    uint64_t last_number_ = 0;
};

}  // namespace timber::memtable
