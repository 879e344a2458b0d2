#include "memtable/table_writer.h"

#include <algorithm>
#include <utility>

#include "memtable/byte_buffer.h"
#include "memtable/compression.h"
#include "memtable/data_block.h"
#include "memtable/internal_key.h"
#include "memtable/key_compare.h"
#include "memtable/page_fit.h"
#include "memtable/range_removes.h"
#include "memtable/table_file.h"
#include "memtable/table_filter.h"
#include "memtable/table_format.h"
#include "memtable/table_index.h"
#include "memtable/table_properties.h"
#include "src/base/coding.h"
#include "src/base/mistake.h"

namespace timber::memtable {

namespace {

constexpr size_t kDataBlockBytesTargetMin = 256;
constexpr size_t kDataBlockBytesTargetMax = 1_MiB;
constexpr size_t kFilterWideBits = 18;

Status check_options(const TableOptions& options) {
    if (options.block_bytes < kDataBlockBytesTargetMin ||
        options.block_bytes > kDataBlockBytesTargetMax)
        return make_error(ErrorCode::kInvalidArgument, "block_bytes must be 256 B to 1 MiB");
    if (options.restart_interval < 1 || options.restart_interval > kRestartIntervalMax)
        return make_error(ErrorCode::kInvalidArgument, "restart_interval must be 1 to 65535");
    return {};
}

}  // namespace

class TableWriter::Core {
  public:
    Core(std::unique_ptr<TableFileWriter> file, const Identity& identity,
         const TableOptions& options)
        : file_(std::move(file)),
          identity_(identity),
          options_(options),
          seed_(identity.id),
          block_(options.restart_interval),
          compressor_(options.compression, options.zstd_level),
          fit_(options.block_bytes),
          filter_(options.filter_bits_per_key >= kFilterWideBits ? 2 : 1, identity.id.draw) {
        begin_block();
    }

    Status add(std::string_view internal_key, std::string_view value);
    void add_range_remove(std::string_view begin, std::string_view end, Sequence sequence) {
        TIMBER_ASSERT(!finished_);
        if (before_end(begin, end))
            range_removes_.push_back({std::string(begin), std::string(end), sequence});
    }
    uint64_t bytes_estimate() const {
        return file_->bytes() + block_.bytes() + index_.bytes() + filter_.bytes_estimate() +
               kTablePageBytes;
    }
    uint64_t entries() const { return summary_.entries; }
    Status settle() { return file_->settle(); }
    Result<TableSummary> finish();
    void abandon() {
        finished_ = true;
        file_->abandon();
    }

  private:
    void begin_block() { content_target_ = fit_.content_target(file_->bytes()); }
    bool block_is_full(std::string_view user_key, std::string_view value) const;
    bool comes_before(size_t shared, std::string_view internal_key) const;
    void count(std::string_view internal_key, std::string_view value);
    void count_range_removes(const RangeRemoveSet& removes);
    Status end_block();
    Result<BlockHandle> write_block(ByteView content, Compressor& compressor);
    Result<BlockHandle> write_plain_block(ByteView content);
    Status write_footer(TableFooter& footer);

    std::unique_ptr<TableFileWriter> file_;
    const Identity identity_;
    const TableOptions options_;
    const BlockSeed seed_;
    DataBlockBuilder block_;
    Compressor compressor_;
    PageFit fit_;
    size_t content_target_ = 0;
    TableIndexBuilder index_;
    TableFilterBuilder filter_;
    std::vector<RangeRemove> range_removes_;
    // Of the last entry; the last block's, while its separator waits for the next block's first.
    std::string key_last_;
    size_t user_key_last_bytes_ = 0;
    uint64_t block_bytes_last_ = 0;  // of the block that waits; 0 if none does
    ByteBuffer stored_;
    TableSummary summary_;
    bool finished_ = false;
};

// Whether the block ends before the next entry.
bool TableWriter::Core::block_is_full(std::string_view user_key, std::string_view value) const {
    if (block_.empty()) return false;
    const size_t bytes = block_.bytes();
    if (bytes + DataBlockBuilder::bytes_of(user_key, value) <= content_target_) return false;
    // It would go past the place to end at. End here if that is near, or if it is full anyway.
    return bytes + PageFit::kPadMax >= content_target_ || bytes >= options_.block_bytes;
}

Status TableWriter::Core::add(std::string_view internal_key, std::string_view value) {
    TIMBER_ASSERT(!finished_);
    TIMBER_ASSERT_OP(internal_key.size(), >=, kTrailerBytes);
    const std::string_view user_key = user_key_of(internal_key);
    if (user_key.size() > kKeyBytesMax || value.size() > kValueBytesMax)
        return file_error(ErrorCode::kTooLarge, file_->path(), "a key or value is over its limit");
    const std::string_view user_key_last(key_last_.data(), user_key_last_bytes_);
    const size_t shared = common_prefix(user_key_last, user_key);
    const bool first = summary_.entries == 0;
    const bool same_user_key =
        !first && shared == user_key.size() && shared == user_key_last_bytes_;
    // What is added may come from a file, and its order was never checked.
    if (!first && !comes_before(shared, internal_key))
        return file_error(ErrorCode::kCorrupted, file_->path(),
                          "keys to write are not in order: a file that they come from is damaged");
    if (block_is_full(user_key, value)) TIMBER_CHECK(end_block());
    if (block_bytes_last_ != 0) {
        index_.add(std::exchange(block_bytes_last_, 0), key_last_, internal_key);
        begin_block();
    }
    block_.add(user_key, shared, trailer_of(internal_key), value);
    if (!same_user_key && options_.filter_bits_per_key > 0)
        filter_.add(filter_hash(TIMBER_MISTAKE(store_filter_wrong_keys) ? internal_key : user_key));
    count(internal_key, value);
    key_last_ = internal_key;
    user_key_last_bytes_ = user_key.size();
    return {};
}

// Whether the last key lies before this one, with which its user key has `shared` bytes in common.
bool TableWriter::Core::comes_before(size_t shared, std::string_view internal_key) const {
    const std::string_view user_key = user_key_of(internal_key);
    if (shared == user_key_last_bytes_)
        return shared < user_key.size() || trailer_of(key_last_) > trailer_of(internal_key);
    return shared < user_key.size() &&
           static_cast<uint8_t>(key_last_[shared]) < static_cast<uint8_t>(user_key[shared]);
}

void TableWriter::Core::count(std::string_view internal_key, std::string_view value) {
    const Sequence sequence = sequence_of(internal_key);
    const bool first = summary_.entries == 0;
    if (first) summary_.smallest = user_key_of(internal_key);
    summary_.sequence_min = first ? sequence : std::min(summary_.sequence_min, sequence);
    summary_.sequence_max = first ? sequence : std::max(summary_.sequence_max, sequence);
    ++summary_.entries;
    if (kind_of(internal_key) == EntryKind::kRemove) ++summary_.removes;
    summary_.key_bytes += internal_key.size() - kTrailerBytes;
    summary_.value_bytes += value.size();
}

// Range removes widen the range, and the sequences.
void TableWriter::Core::count_range_removes(const RangeRemoveSet& removes) {
    if (summary_.entries > 0) summary_.largest = user_key_of(key_last_);
    if (removes.empty()) return;
    const std::string& begin = removes.fragments().front().begin;
    const std::string& end = removes.fragments().back().end;
    if (summary_.entries == 0 || begin < summary_.smallest) summary_.smallest = begin;
    if (summary_.entries == 0 || before_end(summary_.largest, end)) {
        summary_.largest = end;
        summary_.largest_exclusive = true;
    }
    bool first = summary_.entries == 0;
    for (const RangeRemoveSet::Fragment& fragment : removes.fragments()) {
        summary_.range_removes += fragment.sequences.size();
        for (const Sequence sequence : fragment.sequences) {
            summary_.sequence_min = first ? sequence : std::min(summary_.sequence_min, sequence);
            summary_.sequence_max = first ? sequence : std::max(summary_.sequence_max, sequence);
            first = false;
        }
    }
}

Result<BlockHandle> TableWriter::Core::write_block(ByteView content, Compressor& compressor) {
    const uint64_t offset = file_->bytes();
    if (offset + content.size() > kTableFileBytesMax - 1_GiB ||
        content.size() > kBlockPayloadBytesMax)
        return file_error(ErrorCode::kTooLarge, file_->path(), "a table file grows too large");
    stored_.clear();
    stored_.room(kBlockHeaderBytes);
    stored_.commit(kBlockHeaderBytes);
    const Compression compression = compressor.append(content, stored_);
    seal_block(stored_.bytes(), compression, seed_.at(offset));
    TIMBER_CHECK(file_->append(stored_.view()));
    return BlockHandle{offset, static_cast<uint32_t>(stored_.size())};
}

Result<BlockHandle> TableWriter::Core::write_plain_block(ByteView content) {
    if (content.empty()) return BlockHandle{};
    Compressor plain(Compression::kNone, 0);
    TIMBER_TRY(const BlockHandle handle, write_block(content, plain));
    const uint64_t end = file_->bytes();
    TIMBER_CHECK(file_->append_zeros(round_up(end, kBlockAlignment) - end));
    return handle;
}

Status TableWriter::Core::end_block() {
    const ByteView content = block_.finish();
    TIMBER_TRY(const BlockHandle handle, write_block(content, compressor_));
    fit_.learn(content.size(), handle.bytes);
    TIMBER_CHECK(file_->append_zeros(PageFit::padding(file_->bytes())));
    block_bytes_last_ = file_->bytes() - handle.offset;
    return {};
}

Status TableWriter::Core::write_footer(TableFooter& footer) {
    const uint64_t end = file_->bytes() + kFooterBytes;
    footer.file_bytes = round_up(end, kTablePageBytes);
    TIMBER_CHECK(file_->append_zeros(footer.file_bytes - end));
    std::byte bytes[kFooterBytes];
    encode_table_footer(footer, bytes);
    return file_->append(bytes);
}

Result<TableSummary> TableWriter::Core::finish() {
    TIMBER_ASSERT(!finished_);
    finished_ = true;
    const RangeRemoveSet removes(std::move(range_removes_));
    TIMBER_ASSERT(summary_.entries > 0 || !removes.empty());
    if (summary_.entries > 0) {
        TIMBER_CHECK(end_block());
        index_.add(block_bytes_last_, key_last_, std::nullopt);
    }
    count_range_removes(removes);
    TableFooter footer{.id = identity_.id, .family = identity_.family};
    footer.data_bytes = file_->bytes();
    if (!removes.empty()) {
        TIMBER_TRY(footer.range_removes, write_plain_block(encode_range_removes(removes)));
    }
    TIMBER_TRY(footer.filter, write_plain_block(filter_.finish()));
    TIMBER_TRY(footer.index, write_plain_block(index_.finish()));
    TIMBER_TRY(footer.properties, write_plain_block(encode_table_properties(summary_)));
    TIMBER_CHECK(write_footer(footer));
    TIMBER_CHECK(file_->finish());
    summary_.file_bytes = footer.file_bytes;
    summary_.file_checksum = file_->checksum();
    return summary_;
}

TableWriter::TableWriter(std::unique_ptr<Core> core) : core_(std::move(core)) {}
TableWriter::~TableWriter() = default;

Result<std::unique_ptr<TableWriter>> TableWriter::create(Disk& disk, std::string path,
                                                         Identity identity,
                                                         const TableOptions& options) {
    TIMBER_CHECK(check_options(options));
    TIMBER_TRY(auto file, TableFileWriter::create(disk, std::move(path), options.direct));
    auto core = std::make_unique<Core>(std::move(file), identity, options);
    return std::unique_ptr<TableWriter>(new TableWriter(std::move(core)));
}

Status TableWriter::add(std::string_view internal_key, std::string_view value) {
    return core_->add(internal_key, value);
}
void TableWriter::add_range_remove(std::string_view begin, std::string_view end,
                                   Sequence sequence) {
    core_->add_range_remove(begin, end, sequence);
}
uint64_t TableWriter::bytes_estimate() const { return core_->bytes_estimate(); }
uint64_t TableWriter::entries() const { return core_->entries(); }
Status TableWriter::settle() { return core_->settle(); }
Result<TableSummary> TableWriter::finish() { return core_->finish(); }
void TableWriter::abandon() { core_->abandon(); }

}  // namespace timber::memtable
