#include "logengine/format.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "src/base/checksum.h"
#include "src/base/coding.h"
#include "src/base/mistake.h"

namespace timber::logengine {

namespace {

// Control blocks share their frame: magic, version, length of what the checksum covers, the
// fields, the checksum. The rest of the block is zero and means nothing.
constexpr size_t kControlPrefixBytes = 16;

class ControlWriter {
  public:
    ControlWriter(MutableBytes block, uint64_t magic) : block_(block) {
        std::ranges::fill(block_, std::byte{0});
        field(magic);
        field(kFormatVersion);
        field(uint32_t{0});
    }
    template <std::integral T>
    void field(T value) {
        TIMBER_ASSERT_OP(at_ + sizeof value, <=, block_.size());
        store(block_.data() + at_, value);
        at_ += sizeof value;
    }
    void seal() {
        store(block_.data() + 12, static_cast<uint32_t>(at_));
        const uint64_t checksum = checksum64(block_.first(at_));
        field(checksum);
    }

  private:
    MutableBytes block_;
    size_t at_ = 0;
};

// The fields behind the frame's prefix, if the block is one of `magic` in our version.
Result<ByteReader> open_control_block(ByteView block, uint64_t magic, size_t fields_bytes,
                                      std::string_view what, std::string_view file,
                                      uint64_t offset) {
    if (block.size() < kControlPrefixBytes + fields_bytes + sizeof(uint64_t))
        return file_error(ErrorCode::kCorrupted, file, offset,
                          std::string(what) + " is cut short; restore the file from a copy");
    ByteReader prefix(block);
    if (prefix.fixed<uint64_t>() != magic)
        return file_error(ErrorCode::kWrongFormat, file, offset,
                          "this is no " + std::string(what) + "; is it the right directory?");
    const auto version = prefix.fixed<uint32_t>();
    const auto covered_bytes = prefix.fixed<uint32_t>();
    if (covered_bytes < kControlPrefixBytes || covered_bytes > block.size() - sizeof(uint64_t) ||
        load<uint64_t>(block.data() + covered_bytes) != checksum64(block.first(covered_bytes)))
        return file_error(ErrorCode::kCorrupted, file, offset,
                          "the checksum of the " + std::string(what) + " does not match");
    // Only after the checksum: a flipped bit in the version is damage, not a newer release.
    if (version > kFormatVersion)
        return file_error(ErrorCode::kNewerFormat, file, offset,
                          "format version " + std::to_string(version) + ", this program knows " +
                              std::to_string(kFormatVersion) + "; use a newer program");
    if (version != kFormatVersion || covered_bytes != kControlPrefixBytes + fields_bytes)
        return file_error(ErrorCode::kCorrupted, file, offset,
                          "the " + std::string(what) + " has an impossible version or length");
    return ByteReader(block.subspan(kControlPrefixBytes, fields_bytes));
}

constexpr size_t kSuperblockFieldsBytes = 8 + 8 + 8 + 8 + 8 + 4 + 8;
constexpr size_t kWitnessFieldsBytes = 8 + 8 + 8 + 8 + 1;
constexpr size_t kSegmentFieldsBytes = 8 + 8 + 8 + 4 + 8;
constexpr size_t kRetiredFieldsBytes = 8 + 8 + 4;
static_assert(kControlPrefixBytes + kSegmentFieldsBytes + 8 <= kBlockBytes);

bool geometry_is_possible(uint32_t block_bytes, uint64_t segment_bytes) {
    return block_bytes == kBlockBytes && segment_bytes <= kSegmentBytesMax &&
           segment_bytes >= 4 * kBlockBytes && segment_bytes % kBlockBytes == 0;
}

// Places in the group header.
constexpr size_t kGroupChecksumAt = 0;
constexpr size_t kHeaderChecksumAt = 8;
constexpr size_t kGroupCoveredAt = 12;  // both checksums cover from here on

uint32_t group_header_checksum(ByteView group, LogId log_id) {
    return checksum32(group.subspan(kGroupCoveredAt, kGroupHeaderBytes - kGroupCoveredAt),
                      log_id.value());
}

uint64_t group_checksum(ByteView group, LogId log_id) {
    const size_t covered_at =
        TIMBER_MISTAKE(log_header_unchecked) ? kGroupHeaderBytes : kGroupCoveredAt;
    return checksum64(group.subspan(covered_at), log_id.value());
}

}  // namespace

void encode_superblock(const Superblock& superblock, MutableBytes block) {
    ControlWriter writer(block, kSuperblockMagic);
    writer.field(superblock.log_id.value());
    writer.field(superblock.epoch.value());
    writer.field(superblock.epoch_first_lsn.value());
    writer.field(superblock.epoch_checksum);
    writer.field(superblock.released_lsn.value());
    writer.field(superblock.block_bytes);
    writer.field(superblock.segment_bytes);
    writer.seal();
}

Result<Superblock> decode_superblock(ByteView block, std::string_view file, uint64_t offset) {
    TIMBER_TRY(ByteReader fields,
               open_control_block(block, kSuperblockMagic, kSuperblockFieldsBytes, "log superblock",
                                  file, offset));
    Superblock superblock;
    superblock.log_id = LogId(fields.fixed<uint64_t>());
    superblock.epoch = Epoch(fields.fixed<uint64_t>());
    superblock.epoch_first_lsn = Lsn(fields.fixed<uint64_t>());
    superblock.epoch_checksum = fields.fixed<uint64_t>();
    superblock.released_lsn = Lsn(fields.fixed<uint64_t>());
    superblock.block_bytes = fields.fixed<uint32_t>();
    superblock.segment_bytes = fields.fixed<uint64_t>();
    if (!geometry_is_possible(superblock.block_bytes, superblock.segment_bytes))
        return file_error(ErrorCode::kCorrupted, file, offset,
                          "the superblock names an impossible block or segment size");
    return superblock;
}

void encode_witness(const Witness& witness, MutableBytes block) {
    ControlWriter writer(block, kWitnessMagic);
    writer.field(witness.log_id.value());
    writer.field(witness.epoch.value());
    writer.field(witness.sequence);
    writer.field(witness.durable_lsn.value());
    writer.field(static_cast<uint8_t>(witness.closed));
    writer.seal();
}

Result<Witness> decode_witness(ByteView block, std::string_view file, uint64_t offset) {
    TIMBER_TRY(ByteReader fields, open_control_block(block, kWitnessMagic, kWitnessFieldsBytes,
                                                     "witness", file, offset));
    Witness witness;
    witness.log_id = LogId(fields.fixed<uint64_t>());
    witness.epoch = Epoch(fields.fixed<uint64_t>());
    witness.sequence = fields.fixed<uint64_t>();
    witness.durable_lsn = Lsn(fields.fixed<uint64_t>());
    witness.closed = fields.fixed<uint8_t>() != 0;
    return witness;
}

void encode_segment_header(const SegmentHeader& header, MutableBytes block) {
    ControlWriter writer(block, kSegmentMagic);
    writer.field(header.log_id.value());
    writer.field(header.segment.value());
    writer.field(header.epoch.value());
    writer.field(header.block_bytes);
    writer.field(header.segment_bytes);
    writer.seal();
}

Result<SegmentHeader> decode_segment_header(ByteView block, std::string_view file) {
    TIMBER_TRY(ByteReader fields, open_control_block(block, kSegmentMagic, kSegmentFieldsBytes,
                                                     "segment header", file, 0));
    SegmentHeader header;
    header.log_id = LogId(fields.fixed<uint64_t>());
    header.segment = SegmentId(fields.fixed<uint64_t>());
    header.epoch = Epoch(fields.fixed<uint64_t>());
    header.block_bytes = fields.fixed<uint32_t>();
    header.segment_bytes = fields.fixed<uint64_t>();
    return header;
}

void encode_retired_header(const RetiredHeader& header, MutableBytes block) {
    ControlWriter writer(block, kRetiredMagic);
    writer.field(header.log_id.value());
    writer.field(header.segment.value());
    writer.field(header.file_number);
    writer.seal();
}

Result<RetiredHeader> decode_retired_header(ByteView block, std::string_view file) {
    TIMBER_TRY(ByteReader fields, open_control_block(block, kRetiredMagic, kRetiredFieldsBytes,
                                                     "retired segment's header", file, 0));
    RetiredHeader header;
    header.log_id = LogId(fields.fixed<uint64_t>());
    header.segment = SegmentId(fields.fixed<uint64_t>());
    header.file_number = fields.fixed<uint32_t>();
    return header;
}

uint64_t seal_group(const GroupHeader& header, LogId log_id, MutableBytes group) {
    TIMBER_ASSERT_OP(group.size(), ==, header.total_bytes);
    TIMBER_ASSERT_OP(header.total_bytes, >=, kGroupHeaderBytes + header.directory_bytes);
    std::byte* at = group.data();
    store(at + 12, kGroupMagic);
    store(at + 16, header.total_bytes);
    store(at + 20, header.directory_bytes);
    store(at + 24, header.epoch.value());
    store(at + 32, header.segment.value());
    store(at + 40, header.block);
    store(at + 44, header.batches);
    store(at + 48, header.first_lsn.value());
    store(at + 56, header.previous_checksum);
    store(at + 64, header.durable_lsn.value());
    store(at + 72, header.released_lsn.value());
    static_assert(72 + 8 == kGroupHeaderBytes);
    const uint64_t checksum = group_checksum(group, log_id);
    store(at + kGroupChecksumAt, checksum);
    store(at + kHeaderChecksumAt, group_header_checksum(group, log_id));
    return checksum;
}

std::optional<GroupHeader> decode_group_header(ByteView bytes, LogId log_id) {
    if (bytes.size() < kGroupHeaderBytes) return std::nullopt;
    const std::byte* at = bytes.data();
    if (load<uint32_t>(at + 12) != kGroupMagic) return std::nullopt;
    if (!TIMBER_MISTAKE(log_header_unchecked) &&
        load<uint32_t>(at + kHeaderChecksumAt) != group_header_checksum(bytes, log_id))
        return std::nullopt;
    GroupHeader header;
    header.checksum = load<uint64_t>(at + kGroupChecksumAt);
    header.total_bytes = load<uint32_t>(at + 16);
    header.directory_bytes = load<uint32_t>(at + 20);
    header.epoch = Epoch(load<uint64_t>(at + 24));
    header.segment = SegmentId(load<uint64_t>(at + 32));
    header.block = load<uint32_t>(at + 40);
    header.batches = load<uint32_t>(at + 44);
    header.first_lsn = Lsn(load<uint64_t>(at + 48));
    header.previous_checksum = load<uint64_t>(at + 56);
    header.durable_lsn = Lsn(load<uint64_t>(at + 64));
    header.released_lsn = Lsn(load<uint64_t>(at + 72));
    if (header.total_bytes < kGroupHeaderBytes ||
        header.directory_bytes > header.total_bytes - kGroupHeaderBytes)
        return std::nullopt;
    return header;
}

bool group_is_whole(const GroupHeader& header, ByteView group, LogId log_id) {
    TIMBER_ASSERT_OP(group.size(), ==, header.total_bytes);
    return header.checksum == group_checksum(group, log_id);
}

uint32_t record_identity(LogId log_id, Lsn lsn, uint16_t ordinal) {
    // One multiplication mixes enough: the value is xored into a checksum that is random already.
    const uint64_t mixed =
        (log_id.value() ^ lsn.value() ^ (uint64_t{ordinal} << 48)) * 0x9e3779b97f4a7c15;
    return static_cast<uint32_t>(mixed >> 32);
}

// Each byte equals its neighbour.
bool is_zero(ByteView block) {
    return block.empty() || (block.front() == std::byte{0} &&
                             std::memcmp(block.data(), block.data() + 1, block.size() - 1) == 0);
}

static constexpr std::string_view kSegmentNamePrefix = "segment-";
static constexpr size_t kSegmentNameDigits = 6;

std::string segment_file_name(uint32_t file_number) {
    std::string digits = std::to_string(file_number);
    if (digits.size() < kSegmentNameDigits)
        digits.insert(0, kSegmentNameDigits - digits.size(), '0');
    return std::string(kSegmentNamePrefix) + digits;
}

std::optional<uint32_t> parse_segment_file_name(std::string_view name) {
    if (!name.starts_with(kSegmentNamePrefix)) return std::nullopt;
    const std::string_view digits = name.substr(kSegmentNamePrefix.size());
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    if (segment_file_name(number) != name) return std::nullopt;
    return number;
}

std::optional<uint32_t> parse_unfinished_file_name(std::string_view name) {
    if (!name.ends_with(kUnfinishedSuffix)) return std::nullopt;
    return parse_segment_file_name(name.substr(0, name.size() - kUnfinishedSuffix.size()));
}

}  // namespace timber::logengine
