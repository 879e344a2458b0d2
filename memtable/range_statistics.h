#pragma once
// How much a range holds and where its middle is, about, from indexes and samples alone: no block
// is read.
//
// What is hidden or superseded counts as well, as it takes space until it is compacted away.
//
// Thread: any.
#include <cstdint>
#include <optional>
#include <string>

#include "memtable/table_access.h"
#include "memtable/types.h"
#include "memtable/view.h"

namespace timber::memtable {

uint64_t approximate_bytes(const View& view, Family family, const KeyRange& range,
                           const TableAccess& tables = open_tables());

// A key inside of the range, not its begin, with about half of the bytes before it; nothing where
// no key that is known without reading has some of them on both sides.
std::optional<std::string> middle_key(const View& view, Family family, const KeyRange& range,
                                      const TableAccess& tables = open_tables());

}  // namespace timber::memtable
