#include "memtable/manifest_format.h"

#include <algorithm>
#include <concepts>

#include "src/base/assert.h"
#include "src/base/checksum.h"
#include "src/base/coding.h"

namespace timber::memtable {

namespace {

// Header and slots share their frame: magic, version, length of what the checksum covers, the
// fields, the checksum. The rest of the block is zero and means nothing.
constexpr size_t kFramePrefixBytes = 16;
constexpr size_t kCoveredAt = 12;

class FrameWriter {
  public:
    FrameWriter(MutableBytes block, uint64_t magic) : block_(block) {
        TIMBER_ASSERT_OP(block.size(), ==, kManifestBlockBytes);
        std::ranges::fill(block_, std::byte{0});
        field(magic);
        field(kManifestFormatVersion);
        field(uint32_t{0});
    }
    template <std::integral T>
    void field(T value) {
        TIMBER_ASSERT_OP(at_ + sizeof value, <=, block_.size());
        store(block_.data() + at_, value);
        at_ += sizeof value;
    }
    void seal() {
        store(block_.data() + kCoveredAt, static_cast<uint32_t>(at_));
        const uint64_t checksum = checksum64(block_.first(at_));
        field(checksum);
    }

  private:
    MutableBytes block_;
    size_t at_ = 0;
};

// The fields behind the frame's prefix, if the block is one of `magic` in our version.
Result<ByteReader> open_frame(ByteView block, uint64_t magic, size_t fields_bytes,
                              std::string_view what, std::string_view file, uint64_t offset) {
    if (block.size() < kFramePrefixBytes + fields_bytes + sizeof(uint64_t))
        return file_error(ErrorCode::kCorrupted, file, offset,
                          std::string(what) + " is cut short; restore the file from a copy");
    ByteReader prefix(block);
    if (prefix.fixed<uint64_t>() != magic)
        return file_error(ErrorCode::kWrongFormat, file, offset,
                          "this is no " + std::string(what) + "; is it the right directory?");
    const auto version = prefix.fixed<uint32_t>();
    const auto covered_bytes = prefix.fixed<uint32_t>();
    if (covered_bytes < kFramePrefixBytes || covered_bytes > block.size() - sizeof(uint64_t) ||
        load<uint64_t>(block.data() + covered_bytes) != checksum64(block.first(covered_bytes)))
        return file_error(ErrorCode::kCorrupted, file, offset,
                          "the checksum of the " + std::string(what) + " does not match");
    // Only after the checksum: a flipped bit in the version is damage, not a newer release.
    if (version > kManifestFormatVersion)
        return file_error(ErrorCode::kNewerFormat, file, offset,
                          "format version " + std::to_string(version) + ", this program knows " +
                              std::to_string(kManifestFormatVersion) + "; use a newer program");
    if (version != kManifestFormatVersion || covered_bytes != kFramePrefixBytes + fields_bytes)
        return file_error(ErrorCode::kCorrupted, file, offset,
                          "the " + std::string(what) + " has an impossible version or length");
    return ByteReader(block.subspan(kFramePrefixBytes, fields_bytes));
}

constexpr size_t kManifestHeaderFieldsBytes = 8 + 8 + 8 + 8;
constexpr size_t kCurrentFieldsBytes = 8 + 8 + 8 + 8 + 4 + 8 + 8;
static_assert(kFramePrefixBytes + kCurrentFieldsBytes + 8 <= kManifestBlockBytes);

// Places in a record's header.
constexpr size_t kChecksumAt = 0;
constexpr size_t kChecksumCoversFrom = 8;
constexpr size_t kHeaderChecksumAt = 8;
constexpr size_t kHeaderChecksumCoversFrom = 12;

uint32_t header_checksum(ByteView record, const ManifestId& id) {
    return checksum32(record.first(kManifestRecordHeaderBytes).subspan(kHeaderChecksumCoversFrom),
                      id.seed());
}

}  // namespace

uint64_t ManifestId::seed() const {
    std::array<std::byte, 24> bytes;
    timber::store(bytes.data(), store);
    timber::store(bytes.data() + 8, number);
    timber::store(bytes.data() + 16, draw);
    return checksum64(bytes);
}

void encode_manifest_header(const ManifestHeader& header, MutableBytes block) {
    FrameWriter writer(block, kManifestMagic);
    writer.field(header.id.store);
    writer.field(header.id.number);
    writer.field(header.id.draw);
    writer.field(header.file_bytes);
    writer.seal();
}

Result<ManifestHeader> decode_manifest_header(ByteView block, std::string_view file) {
    TIMBER_TRY(ByteReader fields, open_frame(block, kManifestMagic, kManifestHeaderFieldsBytes,
                                             "manifest header", file, 0));
    ManifestHeader header;
    header.id.store = fields.fixed<uint64_t>();
    header.id.number = fields.fixed<uint64_t>();
    header.id.draw = fields.fixed<uint64_t>();
    header.file_bytes = fields.fixed<uint64_t>();
    if (header.file_bytes < kManifestFileBytesMin || header.file_bytes > kManifestFileBytesMax ||
        header.file_bytes % kManifestBlockBytes != 0)
        return file_error(ErrorCode::kCorrupted, file, 0,
                          "the manifest header names an impossible size");
    return header;
}

void encode_current_slot(const CurrentSlot& slot, MutableBytes block) {
    FrameWriter writer(block, kCurrentMagic);
    writer.field(slot.manifest.store);
    writer.field(slot.manifest.number);
    writer.field(slot.manifest.draw);
    writer.field(slot.sequence);
    writer.field(slot.file);
    writer.field(slot.records);
    writer.field(slot.checksum);
    writer.seal();
}

Result<CurrentSlot> decode_current_slot(ByteView block, std::string_view file, uint64_t offset) {
    TIMBER_TRY(ByteReader fields, open_frame(block, kCurrentMagic, kCurrentFieldsBytes,
                                             "slot of CURRENT", file, offset));
    CurrentSlot slot;
    slot.manifest.store = fields.fixed<uint64_t>();
    slot.manifest.number = fields.fixed<uint64_t>();
    slot.manifest.draw = fields.fixed<uint64_t>();
    slot.sequence = fields.fixed<uint64_t>();
    slot.file = fields.fixed<uint32_t>();
    slot.records = fields.fixed<uint64_t>();
    slot.checksum = fields.fixed<uint64_t>();
    if (slot.file >= kManifestFiles || slot.manifest.number == 0 || slot.records == 0)
        return file_error(ErrorCode::kCorrupted, file, offset,
                          "the slot of CURRENT names a manifest that cannot be");
    return slot;
}

uint64_t seal_manifest_record(const ManifestRecord& header, const ManifestId& id,
                              MutableBytes record) {
    TIMBER_ASSERT_OP(record.size(), ==, header.total_bytes);
    TIMBER_ASSERT_OP(header.total_bytes, >=, kManifestRecordHeaderBytes);
    std::byte* at = record.data();
    store(at + 12, kManifestRecordMagic);
    store(at + 16, header.total_bytes);
    store(at + 20, header.edits);
    store(at + 24, header.ordinal);
    store(at + 32, header.block);
    store(at + 36, uint32_t{0});
    store(at + 40, header.previous);
    static_assert(40 + 8 == kManifestRecordHeaderBytes);
    store(at + kHeaderChecksumAt, header_checksum(record, id));
    const uint64_t checksum = checksum64(record.subspan(kChecksumCoversFrom), id.seed());
    store(at + kChecksumAt, checksum);
    return checksum;
}

std::optional<ManifestRecord> decode_manifest_record(ByteView bytes, const ManifestId& id) {
    if (bytes.size() < kManifestRecordHeaderBytes) return std::nullopt;
    const std::byte* at = bytes.data();
    if (load<uint32_t>(at + 12) != kManifestRecordMagic) return std::nullopt;
    if (load<uint32_t>(at + kHeaderChecksumAt) != header_checksum(bytes, id)) return std::nullopt;
    ManifestRecord header;
    header.checksum = load<uint64_t>(at + kChecksumAt);
    header.total_bytes = load<uint32_t>(at + 16);
    header.edits = load<uint32_t>(at + 20);
    header.ordinal = load<uint64_t>(at + 24);
    header.block = load<uint32_t>(at + 32);
    header.previous = load<uint64_t>(at + 40);
    if (header.total_bytes < kManifestRecordHeaderBytes ||
        header.total_bytes > kManifestRecordBytesMax)
        return std::nullopt;
    return header;
}

bool manifest_record_is_whole(const ManifestRecord& header, ByteView record, const ManifestId& id) {
    TIMBER_ASSERT_OP(record.size(), ==, header.total_bytes);
    return header.checksum == checksum64(record.subspan(kChecksumCoversFrom), id.seed());
}

}  // namespace timber::memtable
