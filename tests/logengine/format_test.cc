#include "logengine/format.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "tests/support/bytes_as_text.h"

namespace timber::logengine {
namespace {

using Block = std::array<std::byte, kControlBlockBytes>;

constexpr Superblock kSuperblock{.log_id = LogId(0x1112131415161718),
                                 .epoch = Epoch(3),
                                 .epoch_first_lsn = Lsn(42),
                                 .epoch_checksum = 0x2122232425262728,
                                 .released_lsn = Lsn(17),
                                 .block_bytes = kBlockBytes,
                                 .segment_bytes = 64_KiB};
constexpr Witness kWitness{.log_id = LogId(0x1112131415161718),
                           .epoch = Epoch(3),
                           .sequence = 9,
                           .durable_lsn = Lsn(77),
                           .closed = true};
constexpr SegmentHeader kSegment{.log_id = LogId(0x1112131415161718),
                                 .segment = SegmentId(5),
                                 .epoch = Epoch(3),
                                 .block_bytes = kBlockBytes,
                                 .segment_bytes = 64_KiB};
constexpr RetiredHeader kRetired{
    .log_id = LogId(0x1112131415161718), .segment = SegmentId(5), .file_number = 2};
constexpr GroupHeader kGroup{.checksum = 0,
                             .total_bytes = 120,
                             .directory_bytes = 4,
                             .epoch = Epoch(3),
                             .segment = SegmentId(5),
                             .block = 2,
                             .batches = 1,
                             .first_lsn = Lsn(42),
                             .previous_checksum = 0x3132333435363738,
                             .durable_lsn = Lsn(41),
                             .released_lsn = Lsn(17)};

std::vector<std::byte> sealed_group() {
    std::vector<std::byte> group(kGroup.total_bytes, std::byte{0xab});
    seal_group(kGroup, kSuperblock.log_id, group);
    return group;
}

TEST(Format, ControlBlocksComeBackAsTheyWere) {
    Block block;
    encode_superblock(kSuperblock, block);
    EXPECT_EQ(decode_superblock(block, "f", 0).value(), kSuperblock);
    encode_witness(kWitness, block);
    EXPECT_EQ(decode_witness(block, "f", 0).value(), kWitness);
    encode_segment_header(kSegment, block);
    EXPECT_EQ(decode_segment_header(block, "f").value(), kSegment);
    encode_retired_header(kRetired, block);
    EXPECT_EQ(decode_retired_header(block, "f").value(), kRetired);
}

TEST(Format, ASuperblockHasItsGoldenBytes) {
    Block block;
    encode_superblock(kSuperblock, block);
    EXPECT_EQ(to_hex(ByteView(block).first(76)),
              "544d52424c4f434b"
              "01000000"
              "44000000"  // magic, version, bytes under the checksum
              "1817161514131211"
              "0300000000000000"  // log, epoch
              "2a00000000000000"
              "2827262524232221"  // first LSN of the epoch, checksum before it
              "1100000000000000"
              "00100000"          // released LSN, block size
              "0000010000000000"  // segment size
              "77bfc62bf57adfa5");
    EXPECT_EQ(block[76], std::byte{0});
}

TEST(Format, AWitnessHasItsGoldenBytes) {
    Block block;
    encode_witness(kWitness, block);
    EXPECT_EQ(to_hex(ByteView(block).first(57)),
              "544d5749544e4553"
              "01000000"
              "31000000"
              "1817161514131211"
              "0300000000000000"  // log, epoch
              "0900000000000000"
              "4d00000000000000"  // sequence, durable LSN
              "01"                // closed
              "a87f463f5c89c686");
}

TEST(Format, ASegmentHeaderHasItsGoldenBytes) {
    Block block;
    encode_segment_header(kSegment, block);
    EXPECT_EQ(to_hex(ByteView(block).first(60)),
              "544d53474d454e54"
              "01000000"
              "34000000"
              "1817161514131211"
              "0500000000000000"  // log, segment
              "0300000000000000"
              "00100000"          // epoch, block size
              "0000010000000000"  // segment size
              "1b8e95ab4601479d");
}

TEST(Format, ARetiredHeaderHasItsGoldenBytes) {
    Block block;
    encode_retired_header(kRetired, block);
    EXPECT_EQ(to_hex(ByteView(block).first(44)),
              "544d524554495244"
              "01000000"
              "24000000"
              "1817161514131211"
              "0500000000000000"  // log, last segment
              "02000000"          // file number
              "a5cb72867d5803db");
}

TEST(Format, AGroupHasItsGoldenBytes) {
    EXPECT_EQ(to_hex(ByteView(sealed_group()).first(kGroupHeaderBytes)),
              "33feaa9d93e8d0c5"
              "4566f3e7"  // checksums of the group, of its header
              "54475250"
              "78000000"
              "04000000"  // magic, bytes, bytes of the directory
              "0300000000000000"
              "0500000000000000"  // epoch, segment
              "02000000"
              "01000000"  // block, batches
              "2a00000000000000"
              "3837363534333231"  // first LSN, predecessor's checksum
              "2900000000000000"
              "1100000000000000");
}

TEST(Format, EveryFlippedBitOfAControlBlockIsAnErrorThatNamesThePlace) {
    Block block;
    encode_superblock(kSuperblock, block);
    for (size_t bit = 0; bit < 76 * 8; ++bit) {
        Block damaged = block;
        damaged[bit / 8] ^= std::byte{1} << static_cast<int>(bit % 8);
        const auto decoded = decode_superblock(damaged, "log/superblock", 4096);
        ASSERT_FALSE(decoded.ok()) << bit;
        EXPECT_EQ(decoded.error().code, bit < 64 ? ErrorCode::kWrongFormat : ErrorCode::kCorrupted);
        EXPECT_EQ(decoded.error().file, "log/superblock");
        EXPECT_EQ(decoded.error().offset, 4096u);
    }
}

TEST(Format, AControlBlockThatIsCutShortIsAnError) {
    Block block;
    encode_witness(kWitness, block);
    for (size_t bytes = 0; bytes < 57; ++bytes)
        EXPECT_EQ(decode_witness(ByteView(block).first(bytes), "f", 0).error().code,
                  ErrorCode::kCorrupted);
}

TEST(Format, OneKindOfControlBlockIsNotTakenForAnother) {
    Block block;
    encode_witness(kWitness, block);
    EXPECT_EQ(decode_superblock(block, "f", 0).error().code, ErrorCode::kWrongFormat);
    EXPECT_EQ(decode_segment_header(block, "f").error().code, ErrorCode::kWrongFormat);
    EXPECT_EQ(decode_retired_header(block, "f").error().code, ErrorCode::kWrongFormat);
    encode_segment_header(kSegment, block);
    EXPECT_EQ(decode_retired_header(block, "f").error().code, ErrorCode::kWrongFormat);
}

TEST(Format, AnImpossibleGeometryIsAnErrorEvenWithAMatchingChecksum) {
    for (const uint64_t segment_bytes :
         {uint64_t{0}, uint64_t{8192}, uint64_t{70000}, uint64_t{kSegmentBytesMax} + kBlockBytes}) {
        Superblock impossible = kSuperblock;
        impossible.segment_bytes = segment_bytes;
        Block block;
        encode_superblock(impossible, block);
        EXPECT_EQ(decode_superblock(block, "f", 0).error().code, ErrorCode::kCorrupted);
    }
}

TEST(Format, ASealedGroupIsWholeAndItsHeaderComesBack) {
    const std::vector<std::byte> group = sealed_group();
    auto header = decode_group_header(group, kSuperblock.log_id);
    ASSERT_TRUE(header.has_value());
    EXPECT_TRUE(group_is_whole(*header, group, kSuperblock.log_id));
    header->checksum = 0;
    EXPECT_EQ(*header, kGroup);
    EXPECT_EQ(header->next_lsn(), Lsn(43));
}

TEST(Format, EveryFlippedBitOfAGroupIsNoticed) {
    const std::vector<std::byte> group = sealed_group();
    for (size_t bit = 0; bit < group.size() * 8; ++bit) {
        std::vector<std::byte> damaged = group;
        damaged[bit / 8] ^= std::byte{1} << static_cast<int>(bit % 8);
        const auto header = decode_group_header(damaged, kSuperblock.log_id);
        EXPECT_FALSE(header && group_is_whole(*header, damaged, kSuperblock.log_id)) << bit;
    }
}

TEST(Format, AnotherLogsGroupIsNoGroup) {
    EXPECT_FALSE(decode_group_header(sealed_group(), LogId(7)).has_value());
}

TEST(Format, ATornHeaderIsNoHeader) {
    const std::vector<std::byte> group = sealed_group();
    for (size_t bytes = 0; bytes < kGroupHeaderBytes; ++bytes)
        EXPECT_FALSE(decode_group_header(ByteView(group).first(bytes), kSuperblock.log_id));
}

TEST(Format, IdentitiesOfRecordsDiffer) {
    const uint32_t identity = record_identity(LogId(1), Lsn(2), 3);
    EXPECT_NE(identity, record_identity(LogId(2), Lsn(2), 3));
    EXPECT_NE(identity, record_identity(LogId(1), Lsn(3), 3));
    EXPECT_NE(identity, record_identity(LogId(1), Lsn(2), 4));
}

TEST(Format, SegmentFileNamesComeBackAndNothingElseIsOne) {
    for (const uint32_t number : {1u, 42u, 999999u, 1000000u, UINT32_MAX})
        EXPECT_EQ(parse_segment_file_name(segment_file_name(number)), number);
    EXPECT_EQ(segment_file_name(7), "segment-000007");
    EXPECT_EQ(parse_unfinished_file_name("segment-000007.new"), 7u);
    EXPECT_EQ(parse_unfinished_file_name("segment-000007"), std::nullopt);
    EXPECT_EQ(parse_unfinished_file_name("superblock.new"), std::nullopt);
    for (const char* name : {"", "segment-", "segment-7", "segment-0000007", "segment-00000x",
                             "segment-000007 ", "Segment-000007", "segment-99999999999"})
        EXPECT_FALSE(parse_segment_file_name(name)) << name;
}

}  // namespace
}  // namespace timber::logengine
