#pragma once
// The two small blocks of a table file: its properties, which are the summary that its writer made,
// and its range removes.
//
// Decoders are total.
#include <vector>

#include "memtable/range_removes.h"
#include "memtable/table_summary.h"
#include "src/base/bytes.h"
#include "src/base/result.h"

namespace timber::memtable {

// Without file_bytes, which the footer has, and file_checksum, which would have to cover itself.
std::vector<std::byte> encode_table_properties(const TableSummary& summary);
Result<TableSummary> decode_table_properties(ByteView payload);

std::vector<std::byte> encode_range_removes(const RangeRemoveSet& removes);
// With `sequence`, every remove counts as of that one.
Result<RangeRemoveSet> decode_range_removes(ByteView payload, std::optional<Sequence> sequence);

}  // namespace timber::memtable
