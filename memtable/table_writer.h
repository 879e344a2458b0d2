#pragma once
// Writes one table file: sorted entries of one family, and range removes. FORMAT.md draws it.
//
// Thread:   jobs only, one at a time; not necessarily the same thread from call to call if settle()
//           ended the last one's use.
// Lifetime: the disk outlives it. A writer that is destroyed before finish() removes its file.
// Failure:  after an error only abandon() and destruction make sense; nothing refers to the file
//           yet, so the caller tries again later with a new one.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "memtable/options.h"
#include "memtable/table_summary.h"
#include "memtable/types.h"
#include "src/base/io/disk.h"
#include "src/base/result.h"

namespace timber::memtable {

class TableWriter {
  public:
    struct Identity {
        FileId id;
        Family family = Family::kDefault;
    };

    // Makes the file, which must not exist.
    static Result<std::unique_ptr<TableWriter>> create(Disk& disk, std::string path,
                                                       Identity identity,
                                                       const TableOptions& options);
    ~TableWriter();

    // In the order of internal keys, each one once.
    Status add(std::string_view internal_key, std::string_view value);
    // In any order, at any time before finish().
    void add_range_remove(std::string_view begin, std::string_view end, Sequence sequence);

    // Of the file if it were finished now, about.
    uint64_t bytes_estimate() const;
    uint64_t entries() const;
    // Waits for the writes that are in flight, so that the next call may come from another thread.
    Status settle();

    // Writes what is left and syncs the file; the caller syncs its directory. Not for an empty one
    // (no entry, no range remove).
    Result<TableSummary> finish();
    // Closes and removes the file.
    void abandon();

  private:
    class Core;
    explicit TableWriter(std::unique_ptr<Core> core);
    std::unique_ptr<Core> core_;
};

}  // namespace timber::memtable
