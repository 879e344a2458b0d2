// The worked example of FORMAT.md, byte for byte.
//
// Its rows are "OFFSET  HEX HEX ...  words", in a block for the table and one for the record.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "memtable/manifest_format.h"
#include "memtable/manifest_reader.h"
#include "tests/memtable/table_fixture.h"
#include "tests/support/bytes_as_text.h"

namespace timber::memtable {
namespace {

struct Row {
    size_t offset = 0;
    std::string hex;
};

// The rows of both blocks, in their order.
std::vector<std::vector<Row>> rows_of_example() {
    std::vector<std::vector<Row>> blocks;
    std::ifstream page(TIMBER_FORMAT_PAGE);
    bool in_example = false;
    bool in_block = false;
    for (std::string line; std::getline(page, line);) {
        if (line.starts_with("#")) in_example = line == "### A worked example";
        const bool indented = in_example && line.starts_with("    ");
        if (indented && !in_block) blocks.emplace_back();
        in_block = indented;
        std::istringstream words(line);
        Row row;
        if (!indented || !(words >> row.offset)) continue;
        // The bytes end where two spaces follow.
        const size_t begin = line.find_first_not_of(' ', line.find_first_of(' ', 4));
        for (const char digit : line.substr(begin, line.find("  ", begin) - begin)) {
            if (digit != ' ') row.hex += digit;
        }
        blocks.back().push_back(std::move(row));
    }
    return blocks;
}

void expect_rows(const std::vector<Row>& rows, ByteView bytes) {
    size_t end = 0;
    for (const Row& row : rows) {
        const size_t count = row.hex.size() / 2;
        ASSERT_LE(row.offset + count, bytes.size());
        EXPECT_EQ(row.hex, to_hex(bytes.subspan(row.offset, count))) << "offset " << row.offset;
        // What no row shows is zero.
        for (size_t at = end; at < row.offset; ++at) EXPECT_EQ(bytes[at], std::byte{0}) << at;
        end = row.offset + count;
    }
    EXPECT_EQ(end, bytes.size());
}

constexpr FileId kId{.store = 1, .draw = 2};

TableSummary write_example(TableMachine& machine) {
    TableContent content;
    content.put("apple", 5, "red");
    content.put("apricot", 7, "orange");
    content.removes.push_back({"b", "c", Sequence(6)});
    TableSummary summary;
    machine.job([&] {
        summary =
            machine
                .write("t", content, {.compression = Compression::kNone}, {kId, Family::kDefault})
                .value();
    });
    return summary;
}

TEST(FormatPage, ShowsTheBytesOfATable) {
    TableMachine machine;
    write_example(machine);
    const auto blocks = rows_of_example();
    ASSERT_EQ(blocks.size(), 2u);
    expect_rows(blocks[0], machine.disk().image().bytes("t"));
}

TEST(FormatPage, ShowsTheBytesOfARecord) {
    TableMachine machine;
    const TableSummary summary = write_example(machine);
    VersionEdit edit;
    edit.added.push_back({0,
                          {.number = FileNumber(4),
                           .id = kId,
                           .family = Family::kDefault,
                           .file_bytes = summary.file_bytes,
                           .entries = summary.entries,
                           .removes = summary.removes,
                           .range_removes = summary.range_removes,
                           .key_bytes = summary.key_bytes,
                           .value_bytes = summary.value_bytes,
                           .smallest = summary.smallest,
                           .largest = summary.largest,
                           .largest_exclusive = summary.largest_exclusive,
                           .sequence_min = summary.sequence_min,
                           .sequence_max = summary.sequence_max}});
    edit.flushed = edit.sequence_last = Sequence(7);
    edit.log_floor = LogMark(3);
    edit.file_next = FileNumber(5);
    std::vector<std::byte> record(kManifestRecordHeaderBytes);
    append_manifest_edit(edit, record);
    seal_manifest_record({.total_bytes = static_cast<uint32_t>(record.size()),
                          .edits = 1,
                          .ordinal = 1,
                          .block = 2,
                          .previous = 9},
                         {.store = 1, .number = 2, .draw = 3}, record);
    const auto blocks = rows_of_example();
    ASSERT_EQ(blocks.size(), 2u);
    expect_rows(blocks[1], record);
}

}  // namespace
}  // namespace timber::memtable
