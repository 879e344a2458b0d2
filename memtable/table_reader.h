#pragma once
// Reads one finished table file. Index, filter, range removes and properties are in memory from
// open() on; data blocks come through the cache.
//
// Thread:   any; what may wait for I/O, from jobs only. No lock is held over I/O.
// Lifetime: disk and cache outlive it. Iterators do not outlive it. Its owners are the versions and
//           readers that still show the file (hence shared).
// Failure:  open() and reads tell kMissing, kWrongFormat, kNewerFormat, kForeign (another file in
//           this one's place), kCorrupted (with file and offset) and kIoError. A damaged block
//           fails the reads that need it and no other.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "memtable/block_cache.h"
#include "memtable/internal_key.h"
#include "memtable/iterator.h"
#include "memtable/pinned_value.h"
#include "memtable/range_removes.h"
#include "memtable/table_summary.h"
#include "memtable/types.h"
#include "src/base/io/disk.h"
#include "src/base/result.h"

namespace timber::memtable {

struct TableReadOptions {
    // Only what is in memory: a block that is not gives kBusy, and the caller tries again from a
    // job.
    bool cache_only = false;
    // Keep what is read in the cache. Compactions and exports do not.
    bool fill_cache = true;
    // Of iterators: read ahead by up to so many bytes once they walk on; 0: grow from nothing.
    size_t readahead_bytes = 0;
    // Of iterators: keys outside [lower, upper), an empty upper being no limit, are of no use, so
    // an iterator that reaches a block that lies wholly outside may end there without reading it.
    // The bounds outlive the iterator.
    std::string_view lower = {};
    std::string_view upper = {};
};

class TableReader {
  public:
    struct Expectation {
        FileId id;
        Family family = Family::kDefault;
        uint64_t file_bytes = 0;
        // Every entry and range remove counts as of this sequence, whatever the file says: for
        // ingested files.
        std::optional<Sequence> sequence_override;
        bool direct = true;  // bypass the page cache where the disk can
    };

    // From a job.
    static Result<std::shared_ptr<TableReader>> open(Disk& disk, std::string path,
                                                     const Expectation& expectation,
                                                     BlockCache& cache);
    ~TableReader();

    // What the file says of itself, from its properties: checked against nothing but its own
    // checksums. For files that come from elsewhere.
    static Result<TableSummary> describe(Disk& disk, const std::string& path);

    // The newest version of the key at or below `visible`, whatever range removes say; the value of
    // a put goes to `value`.
    struct Found {
        Sequence sequence;
        EntryKind kind;
    };
    Result<std::optional<Found>> find(std::string_view key, Sequence visible,
                                      const TableReadOptions& options, PinnedValue& value) const;

    std::unique_ptr<EntryIterator> new_iterator(const TableReadOptions& options) const;

    const RangeRemoveSet& range_removes() const;
    const TableSummary& summary() const;
    // Of the file, before the place where `key` would be; for estimates.
    uint64_t offset_of(std::string_view key) const;
    // A user key that splits the file's part of [begin, end) about in half, from the index alone;
    // nothing if that part is a single block.
    std::optional<std::string> middle_key(std::string_view begin, std::string_view end) const;
    // Reads and verifies every block. From a job.
    Status verify() const;

    // Counted towards the cache's limit.
    size_t memory_bytes() const;

  private:
    class Core;
    explicit TableReader(std::unique_ptr<Core> core);
    std::unique_ptr<Core> core_;
};

}  // namespace timber::memtable
