#include "tests/memtable/support/real_tables.h"

#include "memtable/table_writer.h"

namespace timber::memtable {

TableFileRef RealTables::add(Family family, const TableContents& contents) {
    FileMeta meta;
    meta.number = FileNumber(++last_number_);
    meta.id = {.store = 1, .draw = last_number_};
    meta.family = family;
    const std::string path = table_file_name(meta.number);
    auto writer = *TableWriter::create(disk_, path, {meta.id, family}, options_);
    for (const auto& [key, value] : contents.entries) TIMBER_ASSERT(writer->add(key, value).ok());
    for (const RangeRemove& remove : contents.removes)
        writer->add_range_remove(remove.begin, remove.end, remove.sequence);
    const TableSummary summary = *writer->finish();
    meta.file_bytes = summary.file_bytes;
    meta.entries = summary.entries;
    meta.removes = summary.removes;
    meta.range_removes = summary.range_removes;
    meta.smallest = summary.smallest;
    meta.largest = summary.largest;
    meta.largest_exclusive = summary.largest_exclusive;
    meta.sequence_min = summary.sequence_min;
    meta.sequence_max = summary.sequence_max;
    const TableReader::Expectation expectation{
        .id = meta.id, .family = family, .file_bytes = meta.file_bytes};
    auto reader = *TableReader::open(disk_, path, expectation, cache_);
    return std::make_shared<TableFile>(std::move(meta), std::move(reader), nullptr);
}

}  // namespace timber::memtable
