#pragma once
// Tables on a simulated disk, and their stupid twin: a sorted map of internal keys.
//
// Everything that touches the disk runs as a job of the world to its end.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "memtable/range_removes.h"
#include "memtable/table_reader.h"
#include "memtable/table_writer.h"
#include "src/base/random.h"
#include "tests/memtable/support/internal_keys.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sim_world.h"

namespace timber::memtable {

using Entries = std::map<std::string, std::string, InternalOrder>;

struct TableContent {
    Entries entries;
    std::vector<RangeRemove> removes;

    void put(std::string_view key, uint64_t sequence, std::string value) {
        entries.insert_or_assign(internal_key(key, sequence), std::move(value));
    }
    void remove(std::string_view key, uint64_t sequence) {
        entries.insert_or_assign(internal_key(key, sequence, EntryKind::kRemove), "");
    }
    // The newest entry of the key at or below `visible`.
    Entries::const_iterator find(std::string_view key, Sequence visible) const {
        const auto at = entries.lower_bound(internal_key(key, visible.value(), kKindForSeek));
        return at != entries.end() && user_key_of(at->first) == key ? at : entries.end();
    }
};

// About `keys` keys of a kind that the seed chooses, with some versions each, and range removes.
TableContent random_content(Random& random, size_t keys);
TableOptions random_table_options(Random& random);

class TableMachine {
  public:
    explicit TableMachine(uint64_t seed = 1, size_t cache_bytes = 64_KiB, DiskImage image = {})
        : world_(seed), disk_(world_, {}, std::move(image)), cache_(cache_bytes) {}

    static constexpr TableWriter::Identity kIdentity{{.store = 7, .draw = 11}, Family::kWrite};

    SimWorld& world() { return world_; }
    SimDisk& disk() { return disk_; }
    BlockCache& cache() { return cache_; }
    void job(std::move_only_function<void()> run) { world_.run_job(std::move(run)); }

    // Writes a table, from within a job.
    Result<TableSummary> write(const std::string& path, const TableContent& content,
                               const TableOptions& options = {},
                               TableWriter::Identity identity = kIdentity);
    // The same outside of jobs, where nothing may go wrong.
    TableSummary written(const std::string& path, const TableContent& content,
                         const TableOptions& options = {});
    Result<std::shared_ptr<TableReader>> open(const std::string& path, uint64_t file_bytes,
                                              std::optional<Sequence> sequence_override = {});
    // Opened in a job, where nothing may go wrong. Closed (in a job) by close().
    TableReader& opened(const std::string& path, uint64_t file_bytes);
    void close();

  private:
    SimWorld world_;
    SimDisk disk_;
    BlockCache cache_;
    std::shared_ptr<TableReader> reader_;
};

// Everything that an iterator shows, in order.
std::vector<std::pair<std::string, std::string>> walk(EntryIterator& iterator);

}  // namespace timber::memtable
