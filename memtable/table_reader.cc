#include "memtable/table_reader.h"

#include <utility>

#include "memtable/open_table.h"
#include "memtable/table_iterator.h"
#include "memtable/table_properties.h"

namespace timber::memtable {

class TableReader::Core {
  public:
    Core(Disk& disk, std::string path, BlockCache& cache) : table(disk, std::move(path), cache) {}

    OpenTable table;
};

TableReader::TableReader(std::unique_ptr<Core> core) : core_(std::move(core)) {}
TableReader::~TableReader() = default;

Result<std::shared_ptr<TableReader>> TableReader::open(Disk& disk, std::string path,
                                                       const Expectation& expectation,
                                                       BlockCache& cache) {
    auto core = std::make_unique<Core>(disk, std::move(path), cache);
    TIMBER_CHECK(core->table.open(expectation));
    return std::shared_ptr<TableReader>(new TableReader(std::move(core)));
}

Result<TableSummary> TableReader::describe(Disk& disk, const std::string& path) {
    Result<FileHandle> file = disk.open(path, {.read_only = true});
    if (!file) {
        Error error = std::move(file).error();
        if (error.code == ErrorCode::kNotFound) error.code = ErrorCode::kMissing;
        return error;
    }
    const auto read = [&]() -> Result<TableSummary> {
        TIMBER_TRY(const uint64_t file_bytes, disk.size(*file));
        PageRead tail;
        TIMBER_TRY(const TableFooter footer,
                   read_table_footer(disk, *file, path, file_bytes, tail));
        const BlockHandle& handle = footer.properties;
        PageRead stored;
        TIMBER_CHECK(stored.read(disk, *file, path, handle.offset, handle.bytes));
        Result<StoredBlock> block =
            open_block(stored.bytes(), BlockSeed(footer.id).at(handle.offset));
        if (!block)
            return file_error(ErrorCode::kCorrupted, path, handle.offset, block.error().detail);
        Result<TableSummary> summary = decode_table_properties(block->payload);
        if (!summary)
            return file_error(ErrorCode::kCorrupted, path, handle.offset, summary.error().detail);
        summary->file_bytes = file_bytes;
        return summary;
    };
    Result<TableSummary> summary = read();
    disk.close(*file);
    return summary;
}

Result<std::optional<TableReader::Found>> TableReader::find(std::string_view key, Sequence visible,
                                                            const TableReadOptions& options,
                                                            PinnedValue& value) const {
    const std::optional<Found> absent;
    const OpenTable& table = core_->table;
    const std::optional<uint64_t> trailer = table.trailer_sought(visible);
    if (!trailer || !table.filter().may_contain(filter_hash(key))) return absent;
    const size_t block = table.index().find(key, *trailer);
    if (block == table.index().blocks()) return absent;
    BlockRef content = table.cached(block);
    if (content == nullptr) {
        if (options.cache_only) return make_error(ErrorCode::kBusy, "not in memory");
        TIMBER_TRY(content, table.read(block));
        if (options.fill_cache) table.keep(block, content);
    }
    TIMBER_TRY(const DataBlock parsed, table.parse(block, content->view()));
    DataBlock::Found found;
    switch (parsed.find(key, *trailer, found)) {
        case DataBlock::Outcome::kAbsent: return absent;
        case DataBlock::Outcome::kMalformed:
            return table.damaged(block, "an entry of a data block is malformed");
        case DataBlock::Outcome::kFound: break;
    }
    value.pin(found.value, std::move(content));
    return std::optional<Found>(
        {Sequence(found.trailer >> 8), static_cast<EntryKind>(found.trailer & 0xff)});
}

std::unique_ptr<EntryIterator> TableReader::new_iterator(const TableReadOptions& options) const {
    return std::make_unique<TableIterator>(core_->table, options);
}

const RangeRemoveSet& TableReader::range_removes() const { return core_->table.range_removes(); }
const TableSummary& TableReader::summary() const { return core_->table.summary(); }
size_t TableReader::memory_bytes() const { return core_->table.memory_bytes(); }

uint64_t TableReader::offset_of(std::string_view key) const {
    const TableIndex& index = core_->table.index();
    return index.offset(index.find(key, UINT64_MAX));
}

std::optional<std::string> TableReader::middle_key(std::string_view begin,
                                                   std::string_view end) const {
    const TableIndex& index = core_->table.index();
    size_t first = index.find(begin, UINT64_MAX);
    size_t last = end.empty() ? index.blocks() : index.find(end, UINT64_MAX);
    if (last == index.blocks() && last > 0) --last;
    if (first >= last) return std::nullopt;
    // The separator behind the block in which half of the bytes are reached.
    const uint64_t middle = index.offset(first) + (index.offset(last) - index.offset(first)) / 2;
    while (last - first > 1) {
        const size_t block = first + (last - first) / 2;
        (index.offset(block) <= middle ? first : last) = block;
    }
    std::string key = index.separator(first);
    if (key <= begin || !before_end(key, end)) return std::nullopt;
    return key;
}

Status TableReader::verify() const {
    const OpenTable& table = core_->table;
    // Past the cache: it is the file that is in question.
    TableIterator iterator(table, {.fill_cache = false, .readahead_bytes = 256_KiB},
                           TableIterator::Source::kFile);
    uint64_t entries = 0;
    std::string last;
    for (iterator.seek_to_first(); iterator.valid(); iterator.next(), ++entries) {
        if (entries > 0 && compare_internal(last, iterator.key()) >= 0)
            return file_error(ErrorCode::kCorrupted, table.path(), iterator.block_offset(),
                              "keys are not in order");
        last = iterator.key();
    }
    TIMBER_CHECK(iterator.status());
    if (entries != table.summary().entries)
        return file_error(ErrorCode::kCorrupted, table.path(),
                          "the file does not hold as many entries as it says");
    return {};
}

}  // namespace timber::memtable
