#include "memtable/open_table.h"

#include <algorithm>
#include <utility>

#include "memtable/compression.h"
#include "memtable/file_meta.h"
#include "memtable/table_properties.h"
#include "src/base/mistake.h"

namespace timber::memtable {

namespace {

// What is read of a file's end at first: small tables need nothing more.
constexpr size_t kTailReadBytes = 16_KiB;

// A mistake: numbers that come round again name other files.
CacheId cache_id_by_name(std::string_view path) {
    const size_t slash = path.rfind('/');
    const auto number = parse_table_file_name(path.substr(slash == path.npos ? 0 : slash + 1));
    return CacheId(number ? number->value() % 16 : 0);
}

}  // namespace

Status PageRead::read(Disk& disk, FileHandle file, std::string_view path, uint64_t offset,
                      size_t bytes) {
    const uint64_t start = round_down(offset, kDirectAlignment);
    const size_t size = round_up(offset + bytes, kDirectAlignment) - start;
    buffer_.reserve(size);
    TIMBER_TRY(const size_t there, await_read(disk, file, path, start, buffer_.first(size)));
    skip_ = offset - start;
    bytes_ = there <= skip_ ? 0 : std::min(bytes, there - skip_);
    return {};
}

Result<TableFooter> read_table_footer(Disk& disk, FileHandle file, std::string_view path,
                                      uint64_t file_bytes, PageRead& tail) {
    const size_t bytes = std::min<uint64_t>(file_bytes, kTailReadBytes);
    TIMBER_CHECK(tail.read(disk, file, path, file_bytes - bytes, bytes));
    if (tail.bytes().size() != bytes)
        return file_error(ErrorCode::kCorrupted, path, "the file shrank while it was read");
    return decode_table_footer(tail.bytes(), path, file_bytes);
}

OpenTable::OpenTable(Disk& disk, std::string path, BlockCache& cache)
    : disk_(disk),
      path_(std::move(path)),
      cache_(cache),
      cache_id_(TIMBER_MISTAKE(store_cache_id_by_name) ? cache_id_by_name(path_) : cache.new_id()) {
}

OpenTable::~OpenTable() {
    if (file_) disk_.close(*file_);
    cache_.release(memory_bytes_);
    if (!TIMBER_MISTAKE(store_cache_id_by_name)) cache_.forget(cache_id_);
}

Error OpenTable::damaged(size_t block, const char* what) const {
    return file_error(ErrorCode::kCorrupted, path_, index_.offset(block), what);
}

Status OpenTable::open(const TableReader::Expectation& expectation) {
    Result<FileHandle> opened =
        disk_.open(path_, {.read_only = true, .direct = expectation.direct});
    if (!opened) {
        Error error = std::move(opened).error();
        if (error.code == ErrorCode::kNotFound) {
            error.code = ErrorCode::kMissing;
            error.detail = "a table file is missing";
        }
        return error;
    }
    file_ = *opened;
    TIMBER_CHECK(read_meta(expectation));
    if (expectation.sequence_override) override_sequences(*expectation.sequence_override);
    memory_bytes_ = sizeof *this + index_.memory_bytes() + filter_.memory_bytes() +
                    range_removes_.memory_bytes();
    cache_.reserve(memory_bytes_);
    return {};
}

Status OpenTable::check_identity(const TableFooter& footer,
                                 const TableReader::Expectation& expectation) const {
    if (footer.id != expectation.id || footer.family != expectation.family)
        return file_error(ErrorCode::kForeign, path_,
                          "this is another table file than the one that belongs here");
    return {};
}

Result<ByteView> OpenTable::meta_block(const BlockHandle& handle, ByteView meta,
                                       uint64_t meta_offset) const {
    const ByteView stored = meta.subspan(handle.offset - meta_offset, handle.bytes);
    Result<StoredBlock> block = open_block(stored, seed_.at(handle.offset));
    if (!block || block->compression != Compression::kNone)
        return file_error(ErrorCode::kCorrupted, path_, handle.offset,
                          block ? "a block is compressed that never is" : block.error().detail);
    return block->payload;
}

Status OpenTable::read_meta(const TableReader::Expectation& expectation) {
    TIMBER_TRY(const uint64_t file_bytes, disk_.size(*file_));
    PageRead tail;
    Result<TableFooter> footer = read_table_footer(disk_, *file_, path_, file_bytes, tail);
    if (footer) TIMBER_CHECK(check_identity(*footer, expectation));
    // A file of another size that is no other table was cut off or has grown.
    if (file_bytes != expectation.file_bytes)
        return file_error(ErrorCode::kCorrupted, path_,
                          "the file has " + std::to_string(file_bytes) + " bytes instead of " +
                              std::to_string(expectation.file_bytes));
    if (!footer) return std::move(footer).error();
    seed_ = BlockSeed(footer->id);

    const size_t meta_bytes = file_bytes - footer->data_bytes;
    PageRead more;
    const bool all_in_tail = meta_bytes <= tail.bytes().size();
    if (!all_in_tail) TIMBER_CHECK(more.read(disk_, *file_, path_, footer->data_bytes, meta_bytes));
    const ByteView meta = all_in_tail ? tail.bytes().last(meta_bytes) : more.bytes();
    if (meta.size() != meta_bytes)
        return file_error(ErrorCode::kCorrupted, path_, "the file shrank while it was read");

    const auto at = [&](Error error, const BlockHandle& handle) {
        error.file = path_;
        error.offset = handle.offset;
        return error;
    };
    const auto payload = [&](const BlockHandle& handle) {
        return meta_block(handle, meta, footer->data_bytes);
    };
    TIMBER_TRY(const ByteView index_payload, payload(footer->index));
    Result<TableIndex> index = TableIndex::decode(index_payload, footer->data_bytes);
    if (!index) return at(index.error(), footer->index);
    index_ = std::move(*index);
    TIMBER_TRY(const ByteView properties_payload, payload(footer->properties));
    Result<TableSummary> summary = decode_table_properties(properties_payload);
    if (!summary) return at(summary.error(), footer->properties);
    summary_ = std::move(*summary);
    summary_.file_bytes = file_bytes;
    if (footer->filter.bytes != 0) {
        TIMBER_TRY(const ByteView filter_payload, payload(footer->filter));
        Result<TableFilter> filter = TableFilter::decode(filter_payload);
        if (!filter) return at(filter.error(), footer->filter);
        filter_ = std::move(*filter);
    }
    if (footer->range_removes.bytes != 0) {
        TIMBER_TRY(const ByteView removes_payload, payload(footer->range_removes));
        Result<RangeRemoveSet> removes =
            decode_range_removes(removes_payload, expectation.sequence_override);
        if (!removes) return at(removes.error(), footer->range_removes);
        range_removes_ = std::move(*removes);
    }
    return {};
}

void OpenTable::override_sequences(Sequence sequence) {
    sequence_override_ = sequence;
    summary_.sequence_min = summary_.sequence_max = sequence;
}

std::optional<uint64_t> OpenTable::trailer_sought(Sequence visible) const {
    if (!sequence_override_) return pack_trailer(visible, kKindForSeek);
    if (visible < *sequence_override_) return std::nullopt;
    // Whatever the file says of sequences does not count.
    return pack_trailer(kSequenceMax, kKindForSeek);
}

Result<StoredBlock> OpenTable::open_stored(size_t block, ByteView stored) const {
    Result<StoredBlock> opened = open_block(stored, seed_.at(index_.offset(block)));
    if (!opened) return damaged(block, opened.error().detail.c_str());
    return opened;
}

Result<BlockRef> OpenTable::unpack(size_t block, ByteView stored) const {
    TIMBER_TRY(const StoredBlock opened, open_stored(block, stored));
    if (opened.compression == Compression::kNone) {
        NewBlock made = make_block(opened.payload.size());
        copy_bytes(opened.payload, made.content.data());
        return std::move(made.block);
    }
    const Result<size_t> bytes = decompressed_bytes(opened.payload, kDataBlockBytesMax);
    if (!bytes) return damaged(block, bytes.error().detail.c_str());
    NewBlock made = make_block(*bytes);
    if (Status done = decompress_block(opened.compression, opened.payload, made.content); !done)
        return damaged(block, done.error().detail.c_str());
    return std::move(made.block);
}

Result<ByteView> OpenTable::unpack_to(size_t block, ByteView stored,
                                      std::vector<char>& buffer) const {
    TIMBER_TRY(const StoredBlock opened, open_stored(block, stored));
    if (opened.compression == Compression::kNone) return opened.payload;
    const Result<size_t> bytes = decompressed_bytes(opened.payload, kDataBlockBytesMax);
    if (!bytes) return damaged(block, bytes.error().detail.c_str());
    if (buffer.size() < *bytes) buffer.resize(*bytes);
    const MutableBytes to(reinterpret_cast<std::byte*>(buffer.data()), *bytes);
    if (Status done = decompress_block(opened.compression, opened.payload, to); !done)
        return damaged(block, done.error().detail.c_str());
    return ByteView(to);
}

Result<BlockRef> OpenTable::read(size_t block) const {
    PageRead read;
    TIMBER_CHECK(read.read(disk_, *file_, path_, index_.offset(block), index_.bytes(block)));
    return unpack(block, read.bytes());
}

Result<DataBlock> OpenTable::parse(size_t block, std::string_view content) const {
    std::optional<DataBlock> parsed = DataBlock::parse(content);
    if (!parsed) return damaged(block, "a data block is malformed");
    if (sequence_override_) parsed->override_sequence(*sequence_override_);
    return *parsed;
}

}  // namespace timber::memtable
