#include "memtable/table_format.h"

#include "src/base/checksum.h"
#include "src/base/coding.h"
#include "src/base/mistake.h"

namespace timber::memtable {

namespace {

// Places in the footer; FORMAT.md lists them.
constexpr size_t kFamilyAt = 16;
constexpr size_t kFileBytesAt = 24;
constexpr size_t kDataBytesAt = 32;
constexpr size_t kHandlesAt = 40;
constexpr size_t kHandleBytes = 12;
constexpr size_t kHandles = 4;
static_assert(kHandlesAt + kHandles * kHandleBytes + kFooterTailBytes == kFooterBytes);

// Places in the tail, counted from its start.
constexpr size_t kTailVersionAt = 0;
constexpr size_t kTailFooterBytesAt = 4;
constexpr size_t kTailChecksumAt = 8;
constexpr size_t kTailMagicAt = 16;

constexpr size_t kBlockSizeAt = 8;  // in a block's header; the checksum covers from here on

void encode_handle(const BlockHandle& handle, std::byte* to) {
    store(to, handle.offset);
    store(to + 8, handle.bytes);
}

BlockHandle decode_handle(const std::byte* from) {
    return {load<uint64_t>(from), load<uint32_t>(from + 8)};
}

Result<Family> decode_family(uint8_t value) {
    switch (value) {
        case 0: return Family::kDefault;
        case 1: return Family::kLock;
        case 2: return Family::kWrite;
        case 3: return Family::kMeta;
        default: return make_error(ErrorCode::kCorrupted, "the footer names no known family");
    }
}

// Whether a block lies between the data blocks and the footer.
bool handle_is_possible(const BlockHandle& handle, const TableFooter& footer) {
    if (handle.bytes == 0) return handle.offset == 0;
    const uint64_t end = footer.file_bytes - kFooterBytes;
    return handle.bytes >= kBlockHeaderBytes && handle.offset >= footer.data_bytes &&
           handle.offset <= end && handle.bytes <= end - handle.offset;
}

bool footer_is_possible(const TableFooter& footer, uint64_t file_bytes) {
    return footer.file_bytes == file_bytes && file_bytes <= kTableFileBytesMax &&
           footer.data_bytes <= file_bytes - kFooterBytes &&
           footer.data_bytes % kBlockAlignment == 0 && footer.index.bytes != 0 &&
           footer.properties.bytes != 0 && handle_is_possible(footer.range_removes, footer) &&
           handle_is_possible(footer.filter, footer) && handle_is_possible(footer.index, footer) &&
           handle_is_possible(footer.properties, footer);
}

Result<TableFooter> decode_fields(const std::byte* from) {
    TableFooter footer;
    footer.id = {load<uint64_t>(from), load<uint64_t>(from + 8)};
    TIMBER_TRY(footer.family, decode_family(load<uint8_t>(from + kFamilyAt)));
    footer.file_bytes = load<uint64_t>(from + kFileBytesAt);
    footer.data_bytes = load<uint64_t>(from + kDataBytesAt);
    footer.range_removes = decode_handle(from + kHandlesAt);
    footer.filter = decode_handle(from + kHandlesAt + kHandleBytes);
    footer.index = decode_handle(from + kHandlesAt + 2 * kHandleBytes);
    footer.properties = decode_handle(from + kHandlesAt + 3 * kHandleBytes);
    return footer;
}

}  // namespace

void encode_table_footer(const TableFooter& footer, MutableBytes to) {
    TIMBER_ASSERT_OP(to.size(), ==, kFooterBytes);
    TIMBER_ASSERT(footer_is_possible(footer, footer.file_bytes));
    std::byte* at = to.data();
    store(at, footer.id.store);
    store(at + 8, footer.id.draw);
    store(at + kFamilyAt, uint64_t{static_cast<uint8_t>(footer.family)});
    store(at + kFileBytesAt, footer.file_bytes);
    store(at + kDataBytesAt, footer.data_bytes);
    encode_handle(footer.range_removes, at + kHandlesAt);
    encode_handle(footer.filter, at + kHandlesAt + kHandleBytes);
    encode_handle(footer.index, at + kHandlesAt + 2 * kHandleBytes);
    encode_handle(footer.properties, at + kHandlesAt + 3 * kHandleBytes);
    std::byte* tail = at + kFooterBytes - kFooterTailBytes;
    store(tail + kTailVersionAt, kTableFormatVersion);
    store(tail + kTailFooterBytesAt, static_cast<uint32_t>(kFooterBytes));
    store(tail + kTailMagicAt, kTableMagic);
    store(tail + kTailChecksumAt,
          checksum64(ByteView(to).first(kFooterBytes - kFooterTailBytes + kTailChecksumAt)));
}

Result<TableFooter> decode_table_footer(ByteView tail, std::string_view file, uint64_t file_bytes) {
    const auto error = [&](ErrorCode code, size_t back, const char* what) {
        return file_error(code, file, file_bytes - back, what);
    };
    if (tail.size() < kFooterBytes || file_bytes < tail.size())
        return file_error(ErrorCode::kWrongFormat, file,
                          "too short for a table file: it was cut off or is something else");
    const std::byte* end = tail.data() + tail.size();
    const std::byte* fixed = end - kFooterTailBytes;
    if (load<uint64_t>(fixed + kTailMagicAt) != kTableMagic)
        return error(ErrorCode::kWrongFormat, sizeof(uint64_t),
                     "does not end as a table file does: it was cut off or is something else");
    const auto footer_bytes = load<uint32_t>(fixed + kTailFooterBytesAt);
    if (footer_bytes < kFooterTailBytes || footer_bytes > tail.size())
        return error(ErrorCode::kCorrupted, kFooterTailBytes, "the footer's size is impossible");
    const std::byte* fields = end - footer_bytes;
    const ByteView covered(fields, footer_bytes - kFooterTailBytes + kTailChecksumAt);
    if (load<uint64_t>(fixed + kTailChecksumAt) != checksum64(covered))
        return error(ErrorCode::kCorrupted, footer_bytes, "the footer's checksum does not match");
    // Only after the checksum: a flipped bit in the version is damage, not a newer release.
    const auto version = load<uint32_t>(fixed + kTailVersionAt);
    if (version > kTableFormatVersion)
        return error(ErrorCode::kNewerFormat, footer_bytes,
                     "written by a newer release in a format unknown here; use that release");
    if (version != kTableFormatVersion || footer_bytes != kFooterBytes)
        return error(ErrorCode::kCorrupted, footer_bytes,
                     "the footer has an impossible version or size");
    Result<TableFooter> footer = decode_fields(fields);
    if (!footer || !footer_is_possible(*footer, file_bytes))
        return error(ErrorCode::kCorrupted, footer_bytes,
                     "the footer does not fit the file: it was cut off, or written wrongly");
    return footer;
}

BlockSeed::BlockSeed(const FileId& id) {
    std::byte bytes[16];
    store(bytes, id.store);
    store(bytes + 8, id.draw);
    identity_ = checksum64(bytes);
}

void seal_block(MutableBytes block, Compression compression, uint64_t seed) {
    TIMBER_ASSERT_OP(block.size(), >=, kBlockHeaderBytes);
    const size_t payload_bytes = block.size() - kBlockHeaderBytes;
    TIMBER_ASSERT_OP(payload_bytes, <=, kBlockPayloadBytesMax);
    store(block.data() + kBlockSizeAt,
          static_cast<uint32_t>(payload_bytes) | static_cast<uint32_t>(compression)
                                                     << kBlockCompressionShift);
    store(block.data(), checksum64(ByteView(block).subspan(kBlockSizeAt), seed));
}

Result<StoredBlock> open_block(ByteView bytes, uint64_t seed) {
    if (bytes.size() < kBlockHeaderBytes)
        return make_error(ErrorCode::kCorrupted, "a block is cut short");
    const auto size = load<uint32_t>(bytes.data() + kBlockSizeAt);
    const size_t payload_bytes = size & kBlockPayloadBytesMax;
    if (payload_bytes > bytes.size() - kBlockHeaderBytes)
        return make_error(ErrorCode::kCorrupted, "a block is longer than its place");
    const ByteView covered =
        bytes.subspan(kBlockSizeAt, kBlockHeaderBytes - kBlockSizeAt + payload_bytes);
    if (load<uint64_t>(bytes.data()) != checksum64(covered, seed) &&
        !TIMBER_MISTAKE(store_block_unchecked))
        return make_error(ErrorCode::kCorrupted, "a block's checksum does not match");
    const ByteView payload = bytes.subspan(kBlockHeaderBytes, payload_bytes);
    switch (size >> kBlockCompressionShift) {
        case 0: return StoredBlock{Compression::kNone, payload};
        case 1: return StoredBlock{Compression::kLz4, payload};
        case 2: return StoredBlock{Compression::kZstd, payload};
        default: return make_error(ErrorCode::kCorrupted, "a block is of no known compression");
    }
}

}  // namespace timber::memtable
