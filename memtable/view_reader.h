#pragma once
// Reads one key of a view.
//
// Sources are asked from newest to oldest: the active memory table, the sealed ones, level 0 by
// greatest sequence, levels 1 to 6. On the way the read remembers the newest range remove that
// covers the key: what is older than that is hidden, and a source that holds nothing newer is not
// asked. The first entry that is not hidden is the answer. One that is hidden ends nothing: a file
// that replaced the range may lie deeper than the entry, and than the range remove that hides it.
//
// Thread:  any; may wait for I/O, from jobs only, unless cache_only.
// Failure: the error of the table that could not be read, kBusy where cache_only.
#include <string_view>

#include "memtable/pinned_value.h"
#include "memtable/table_access.h"
#include "memtable/table_reader.h"
#include "memtable/types.h"
#include "memtable/view.h"

namespace timber::memtable {

struct PointRead {
    Family family = Family::kDefault;
    std::string_view key;
    // Whose last operation is the last one that counts.
    Sequence visible;
    TableReadOptions options = {};
};

// Whether the key is there; then its value. `value` keeps what it needs of the view.
Result<bool> read_view(const View& view, const PointRead& read, PinnedValue& value,
                       const TableAccess& tables = open_tables());

}  // namespace timber::memtable
