// Whole table files with arbitrary changes: they open and read as they were, or say what is wrong.
//
// The first byte of the input says which of some small tables, the rest is a list of edits; each
// takes eight bytes: kind, place and what to put there. One kind makes checksums right again, so
// that edits behind them count; after it, what is read may be anything.
#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "memtable/table_format.h"
#include "memtable/table_index.h"
#include "src/base/checksum.h"
#include "src/base/coding.h"
#include "tests/memtable/table_fixture.h"

namespace timber::memtable {
namespace {

constexpr size_t kEditBytes = 8;
constexpr size_t kEditsMax = 12;
constexpr size_t kStepsMax = 1000;

struct SmallTable {
    TableContent content;
    std::optional<Sequence> sequence_override;
    std::vector<std::byte> file;
    // Where blocks begin and end, the footer last.
    std::map<size_t, size_t> blocks;
};

std::map<size_t, size_t> blocks_of(ByteView file) {
    std::map<size_t, size_t> blocks;
    const TableFooter footer =
        decode_table_footer(file.last(kFooterBytes), "t", file.size()).value();
    const BlockSeed seed(footer.id);
    const auto payload_at = [&](uint64_t offset) {
        return open_block(file.subspan(offset), seed.at(offset)).value().payload;
    };
    const TableIndex index =
        TableIndex::decode(payload_at(footer.index.offset), footer.data_bytes).value();
    for (size_t block = 0; block < index.blocks(); ++block)
        blocks[index.offset(block)] =
            index.offset(block) + kBlockHeaderBytes + payload_at(index.offset(block)).size();
    for (const BlockHandle& handle :
         {footer.range_removes, footer.filter, footer.index, footer.properties}) {
        if (handle.bytes > 0) blocks[handle.offset] = handle.offset + handle.bytes;
    }
    blocks[file.size() - kFooterBytes] = file.size();
    return blocks;
}

SmallTable make_table(const TableOptions& options, bool removes, uint64_t versions) {
    SmallTable table;
    for (uint64_t number = 0; number < 24; ++number) {
        const std::string key = "key" + std::to_string(number * 37 % 100);
        for (uint64_t version = 1; version <= versions; ++version)
            table.content.put(key, number * 10 + version, std::string(number, 'a'));
        if (removes && number % 7 == 0) table.content.remove(key, number * 10 + 9);
    }
    if (removes) {
        table.content.removes.push_back({"key2", "key31", Sequence(77)});
        table.content.removes.push_back({"key3", "", Sequence(500)});
    }
    if (!removes && versions == 1) table.sequence_override = Sequence(1000);
    TableMachine machine;
    machine.written("t", table.content, options);
    table.file = machine.disk().image().bytes("t");
    table.blocks = blocks_of(table.file);
    return table;
}

const std::vector<SmallTable>& small_tables() {
    static const std::vector<SmallTable> tables = {
        make_table({.block_bytes = 256, .restart_interval = 4}, true, 2),
        make_table(
            {.block_bytes = 400, .compression = Compression::kZstd, .filter_bits_per_key = 20},
            false, 1),
        make_table({.block_bytes = 300,
                    .restart_interval = 2,
                    .compression = Compression::kNone,
                    .filter_bits_per_key = 0},
                   false, 5),
    };
    return tables;
}

// Makes the checksum right of the block that holds this place, if there is one.
void reseal(const SmallTable& table, std::vector<std::byte>& file, size_t place) {
    const auto behind = table.blocks.upper_bound(place);
    if (behind == table.blocks.begin()) return;
    const auto [begin, end] = *std::prev(behind);
    if (place >= end || end > file.size()) return;
    const MutableBytes block = MutableBytes(file).subspan(begin, end - begin);
    if (std::next(table.blocks.find(begin)) == table.blocks.end()) {
        std::byte* tail = block.data() + kFooterBytes - kFooterTailBytes;
        store(tail + 8, checksum64(block.first(kFooterBytes - kFooterTailBytes + 8)));
        return;
    }
    const size_t payload = load<uint32_t>(block.data() + 8) & kBlockPayloadBytesMax;
    const size_t covered = std::min(payload + 4, block.size() - 8);
    const BlockSeed seed(TableMachine::kIdentity.id);
    store(block.data(), checksum64(ByteView(block).subspan(8, covered), seed.at(begin)));
}

// True if checksums were made right.
bool edit(const SmallTable& table, std::vector<std::byte>& file, const std::byte* how) {
    if (file.empty()) return false;
    const size_t place = load<uint16_t>(how + 1) % file.size();
    const auto value = load<uint32_t>(how + 4);
    switch (load<uint8_t>(how) % 5) {
        case 0: file[place] ^= static_cast<std::byte>(value); return false;
        case 1:
            if (place + sizeof value <= file.size()) store(file.data() + place, value);
            return false;
        case 2: reseal(table, file, place); return true;
        case 3: {
            const size_t from = value % file.size();
            const size_t bytes = std::min<size_t>(64, file.size() - std::max(from, place));
            std::memmove(file.data() + place, file.data() + from, bytes);
            return false;
        }
        case 4: file.resize(value % 8 == 0 ? place : file.size() + value % 5000); return false;
    }
    TIMBER_UNREACHABLE();
}

void check_error(const Status& status) {
    if (status) return;
    TIMBER_ASSERT(status.error().file == "t");
    TIMBER_ASSERT(!status.error().detail.empty());
}

void check_find(const TableReader& reader, const SmallTable& table, std::string_view key,
                Sequence visible, bool trusted) {
    PinnedValue value;
    const auto found = reader.find(key, visible, {}, value);
    if (!found) return check_error(found.error());
    if (!trusted) return;
    auto expected = table.content.find(key, table.sequence_override ? kSequenceMax : visible);
    if (table.sequence_override && visible < *table.sequence_override)
        expected = table.content.entries.end();
    TIMBER_ASSERT(found->has_value() == (expected != table.content.entries.end()));
    if (*found) TIMBER_ASSERT(value.view() == expected->second);
}

void check_walks(const TableReader& reader, const SmallTable& table, bool trusted) {
    const auto iterator = reader.new_iterator({});
    size_t steps = 0;
    auto expected = table.content.entries.begin();
    for (iterator->seek_to_first(); iterator->valid() && steps < kStepsMax; iterator->next()) {
        ++steps;
        if (!trusted) continue;
        TIMBER_ASSERT(expected != table.content.entries.end());
        TIMBER_ASSERT(user_key_of(iterator->key()) == user_key_of(expected->first));
        TIMBER_ASSERT(iterator->value() == expected->second);
        ++expected;
    }
    check_error(iterator->status());
    if (trusted && iterator->status()) TIMBER_ASSERT(expected == table.content.entries.end());
    steps = 0;
    for (iterator->seek_to_last(); iterator->valid() && steps < kStepsMax; iterator->prev())
        ++steps;
    check_error(iterator->status());
    for (const std::string key : {"", "key3", "key55", "l"}) {
        iterator->seek(internal_key(key, 100));
        if (iterator->valid()) iterator->prev();
        check_error(iterator->status());
        iterator->seek_for_prev(internal_key(key, 100));
        if (iterator->valid()) iterator->next();
        check_error(iterator->status());
    }
}

void read_all(const TableReader& reader, const SmallTable& table, bool trusted) {
    // Some of them: the walks see the rest.
    size_t entry = 0;
    for (const auto& [key, value] : table.content.entries) {
        if (entry++ % 7 == 0)
            check_find(reader, table, user_key_of(key), sequence_of(key), trusted);
    }
    check_find(reader, table, "absent", kSequenceMax, trusted);
    check_find(reader, table, "key7", kSequenceMax, trusted);
    check_walks(reader, table, trusted);
    check_error(reader.verify());
    reader.range_removes().check_invariants();
    TIMBER_MAYBE(reader.middle_key("", "").has_value());
    TIMBER_ASSERT_OP(reader.offset_of("key5"), <=, reader.summary().file_bytes);
}

}  // namespace
}  // namespace timber::memtable

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    using namespace timber::memtable;
    if (size == 0) return 0;
    const SmallTable& table = small_tables()[data[0] % small_tables().size()];
    std::vector<std::byte> file = table.file;
    bool trusted = true;
    const auto* edits = reinterpret_cast<const std::byte*>(data) + 1;
    for (size_t n = 0; n < kEditsMax && (n + 1) * kEditBytes <= size - 1; ++n)
        trusted &= !edit(table, file, edits + n * kEditBytes);
    DiskImage image;
    image.put_file("t", file);
    TableMachine machine(1, 64_KiB, std::move(image));
    machine.job([&] {
        check_error([&]() -> Status {
            TIMBER_CHECK(TableReader::describe(machine.disk(), "t"));
            return {};
        }());
        const auto opened = machine.open("t", table.file.size(), table.sequence_override);
        if (!opened) return check_error(opened.error());
        read_all(**opened, table, trusted);
    });
    return 0;
}
