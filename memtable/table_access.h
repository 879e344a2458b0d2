#pragma once
// How reads reach into a table file: the one place where a test puts tables of its own. Called once
// for each file that a read opens, never for an entry.
//
// Thread:   any.
// Lifetime: what is given back points into the file, which the caller keeps.
// Failure:  as TableReader's.
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "memtable/file_meta.h"
#include "memtable/iterator.h"
#include "memtable/pinned_value.h"
#include "memtable/range_removes.h"
#include "memtable/table_reader.h"

namespace timber::memtable {

class TableAccess {
  public:
    virtual ~TableAccess() = default;

    virtual std::unique_ptr<EntryIterator> new_iterator(const TableFile& file,
                                                        const TableReadOptions& options) const = 0;
    virtual Result<std::optional<TableReader::Found>> find(const TableFile& file,
                                                           std::string_view key, Sequence visible,
                                                           const TableReadOptions& options,
                                                           PinnedValue& value) const = 0;
    virtual const RangeRemoveSet& range_removes(const TableFile& file) const = 0;
    virtual uint64_t offset_of(const TableFile& file, std::string_view key) const = 0;
    virtual std::optional<std::string> middle_key(const TableFile& file, std::string_view begin,
                                                  std::string_view end) const = 0;
};

// Each file's own reader.
const TableAccess& open_tables();

}  // namespace timber::memtable
