#pragma once
// The log's on-disk format: constants, fixed structures, and their encoding. FORMAT.md draws it;
// the tidy test compares the constants there with the ones here.
//
// Decoders are total: any bytes give a value or say what is wrong with them.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "logengine/types.h"
#include "src/base/bytes.h"
#include "src/base/result.h"

namespace timber::logengine {

inline constexpr uint32_t kFormatVersion = 1;

inline constexpr uint64_t kSuperblockMagic = 0x4b434f4c42524d54;  // "TMBRLOCK"
inline constexpr uint64_t kWitnessMagic = 0x53454e5449574d54;     // "TMWITNES"
inline constexpr uint64_t kSegmentMagic = 0x544e454d47534d54;     // "TMSGMENT"
inline constexpr uint64_t kRetiredMagic = 0x4452495445524d54;     // "TMRETIRD"
inline constexpr uint32_t kGroupMagic = 0x50524754;               // "TGRP"

// The superblock file: two copies of the superblock, then two witnesses, each in a block.
inline constexpr size_t kControlBlockBytes = 4096;
inline constexpr size_t kSuperblockSlots = 2;
inline constexpr size_t kWitnessSlots = 2;
inline constexpr size_t kSuperblockFileBytes =
    (kSuperblockSlots + kWitnessSlots) * kControlBlockBytes;

inline constexpr size_t kGroupHeaderBytes = 80;
inline constexpr size_t kBatchHeaderBytes = 8;
inline constexpr size_t kRecordHeaderBytes = 28;
inline constexpr size_t kOriginBytes = 8;

// The unit in which groups are placed and written: what a device writes safely as a whole. With
// smaller ones a torn write could reach into a neighbour's physical sector.
inline constexpr size_t kBlockBytes = 4096;
inline constexpr size_t kSegmentBytesMax = 1_GiB;
inline constexpr size_t kRecordPayloadBytesMax = 16_MiB;
inline constexpr size_t kBatchBytesMax = 80_MiB;
inline constexpr size_t kBatchRecordsMax = 65535;
// One directory entry at its longest: type, length, two tag differences.
inline constexpr size_t kDirectoryEntryBytesMax = 1 + 5 + 10 + 10;

static_assert(kRecordPayloadBytesMax + kRecordHeaderBytes + kOriginBytes < kBatchBytesMax);
static_assert(kBatchBytesMax < kSegmentBytesMax);
static_assert(kSegmentBytesMax <= UINT32_MAX, "offsets in a segment are 32 bits wide");

struct Superblock {
    LogId log_id;
    // The newest epoch, and where its part of the chain begins: everything before was durable when
    // it began, and nothing of an older epoch may follow.
    Epoch epoch;
    Lsn epoch_first_lsn;
    uint64_t epoch_checksum = 0;  // of the last group before it, 0 if there was none
    Lsn released_lsn;             // no longer needed by the owner, as far as was known then
    uint32_t block_bytes = 0;
    uint64_t segment_bytes = 0;

    friend bool operator==(const Superblock&, const Superblock&) = default;
};

// "All batches up to durable_lsn are durable." Written when the log falls idle and when it closes.
struct Witness {
    LogId log_id;
    Epoch epoch;
    uint64_t sequence = 0;  // the newer of two witnesses has the larger one
    Lsn durable_lsn;
    bool closed = false;  // the log was closed with nothing behind durable_lsn

    friend bool operator==(const Witness&, const Witness&) = default;
};

struct SegmentHeader {
    LogId log_id;
    SegmentId segment;
    Epoch epoch;  // of the life that prepared it
    uint32_t block_bytes = 0;
    uint64_t segment_bytes = 0;

    friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

// In the place of a segment's header while the file is no segment. No group of a later segment was
// ever written into the file, so recovery need not read it.
struct RetiredHeader {
    LogId log_id;
    SegmentId segment;         // the last that the file was, 0 if it never was one
    uint32_t file_number = 0;  // whose header it is: put into another file it would hide that one

    friend bool operator==(const RetiredHeader&, const RetiredHeader&) = default;
};

// Each fills a control block of `block.size()` bytes, kControlBlockBytes or the log's block size.
void encode_superblock(const Superblock& superblock, MutableBytes block);
void encode_witness(const Witness& witness, MutableBytes block);
void encode_segment_header(const SegmentHeader& header, MutableBytes block);
void encode_retired_header(const RetiredHeader& header, MutableBytes block);

// Errors: kWrongFormat (another magic), kNewerFormat, kCorrupted; each names `file` and `offset`.
Result<Superblock> decode_superblock(ByteView block, std::string_view file, uint64_t offset);
Result<Witness> decode_witness(ByteView block, std::string_view file, uint64_t offset);
Result<SegmentHeader> decode_segment_header(ByteView block, std::string_view file);
Result<RetiredHeader> decode_retired_header(ByteView block, std::string_view file);

// One group of batches, written as a whole and valid as a whole.
struct GroupHeader {
    uint64_t checksum = 0;     // of the header from `total_bytes` on and the whole payload
    uint32_t total_bytes = 0;  // header, directory and batches; without padding
    uint32_t directory_bytes = 0;
    Epoch epoch;
    SegmentId segment;
    uint32_t block = 0;  // the group's place: bytes from the segment's start / block size
    uint32_t batches = 0;
    Lsn first_lsn;  // of its first batch; of the next batch to come if it has none
    uint64_t previous_checksum = 0;
    Lsn durable_lsn;   // known durable when this group was submitted
    Lsn released_lsn;  // no longer needed by the owner when it was submitted

    Lsn next_lsn() const { return first_lsn + batches; }
    friend bool operator==(const GroupHeader&, const GroupHeader&) = default;
};

// Completes a group in place: `group` holds room for the header, then directory and batches
// (total_bytes in all). Fills in the header with both checksums and returns the group's checksum.
uint64_t seal_group(const GroupHeader& header, LogId log_id, MutableBytes group);

// The header at the start of `bytes`, if its own checksum holds; the payload may still be torn.
std::optional<GroupHeader> decode_group_header(ByteView bytes, LogId log_id);

// Whether the whole group, header.total_bytes long, is what was sealed.
bool group_is_whole(const GroupHeader& header, ByteView group, LogId log_id);

// What a stored record checksum is made of: the record's own bytes and its identity, which is not
// stored with it, so that a record found in another's place does not verify.
uint32_t record_identity(LogId log_id, Lsn lsn, uint16_t ordinal);

// Whether nothing was ever written to `block`.
bool is_zero(ByteView block);

std::string segment_file_name(uint32_t file_number);
// The number in a segment file's name; none if it is not one.
std::optional<uint32_t> parse_segment_file_name(std::string_view name);
// A segment file has another name, with this behind, until it is whole.
inline constexpr std::string_view kUnfinishedSuffix = ".new";
// The number in such a name.
std::optional<uint32_t> parse_unfinished_file_name(std::string_view name);

}  // namespace timber::logengine
