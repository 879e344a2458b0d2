#pragma once
// The on-disk format of the manifest and of CURRENT: constants, fixed structures, their encoding.
// FORMAT.md draws it; the tidy test compares the constants there with the ones here.
//
// Decoders are total: any bytes give a value or say what is wrong with them.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/bytes.h"
#include "src/base/result.h"

namespace timber::memtable {

inline constexpr uint32_t kManifestFormatVersion = 1;

inline constexpr uint64_t kCurrentMagic = 0x544e525255434d54;   // "TMCURRNT"
inline constexpr uint64_t kManifestMagic = 0x545345464e4d4d54;  // "TMMNFEST"
inline constexpr uint32_t kManifestRecordMagic = 0x5244454d;    // "MEDR"

// The unit in which everything is placed and written: what a device writes safely as a whole.
inline constexpr size_t kManifestBlockBytes = 4096;
inline constexpr size_t kCurrentSlots = 2;
inline constexpr size_t kCurrentFileBytes = kCurrentSlots * kManifestBlockBytes;
inline constexpr size_t kManifestFiles = 2;
inline constexpr size_t kManifestRecordHeaderBytes = 48;
inline constexpr size_t kManifestRecordBytesMax = 1_GiB;
inline constexpr size_t kManifestFileBytesMin = 4 * kManifestBlockBytes;
inline constexpr size_t kManifestFileBytesMax = 4_GiB;

static_assert(kManifestRecordBytesMax <= UINT32_MAX, "a record's length is 32 bits wide");

inline constexpr const char* kCurrentFileName = "CURRENT";
inline constexpr const char* kCurrentTemporaryName = "CURRENT.new";
inline constexpr const char* kStoreLockFileName = "lock";
inline constexpr std::array<const char*, kManifestFiles> kManifestFileNames = {"manifest-1",
                                                                               "manifest-2"};

// Which manifest: the checksums of its records are seeded with all of it, so that a record of
// another one, or of this file's earlier life, is none.
struct ManifestId {
    uint64_t store = 0;
    uint64_t number = 0;  // grows with every manifest of the store; 0: none yet
    uint64_t draw = 0;    // at random

    friend bool operator==(const ManifestId&, const ManifestId&) = default;
    uint64_t seed() const;
};

// The first block of a manifest file. With number 0 the file is blank: `file_bytes` of it are
// allocated and were written with zeros.
struct ManifestHeader {
    ManifestId id;
    uint64_t file_bytes = 0;

    friend bool operator==(const ManifestHeader&, const ManifestHeader&) = default;
};

// A slot of CURRENT: which manifest is live, and how much of it was durable.
struct CurrentSlot {
    ManifestId manifest;
    uint64_t sequence = 0;  // the newer of two slots has the larger one
    uint32_t file = 0;      // index into kManifestFileNames
    uint64_t records = 0;   // durable ones
    uint64_t checksum = 0;  // of the last of them

    friend bool operator==(const CurrentSlot&, const CurrentSlot&) = default;
};

// Each fills a block of kManifestBlockBytes.
void encode_manifest_header(const ManifestHeader& header, MutableBytes block);
void encode_current_slot(const CurrentSlot& slot, MutableBytes block);

// Errors: kWrongFormat (another magic), kNewerFormat, kCorrupted; each names `file` and `offset`.
Result<ManifestHeader> decode_manifest_header(ByteView block, std::string_view file);
Result<CurrentSlot> decode_current_slot(ByteView block, std::string_view file, uint64_t offset);

// One or more edits, written as a whole and valid as a whole; it begins at a block.
struct ManifestRecord {
    uint64_t checksum = 0;     // of everything behind it
    uint32_t total_bytes = 0;  // header and edits, without padding
    uint32_t edits = 0;
    uint64_t ordinal = 0;   // 0: the first one, which tells the whole state
    uint32_t block = 0;     // the record's place: bytes from the file's start / block size
    uint64_t previous = 0;  // checksum of the record before, 0 for the first one

    friend bool operator==(const ManifestRecord&, const ManifestRecord&) = default;
};

// Completes a record in place: `record` holds room for the header, then the edits (total_bytes in
// all). Fills in the header with both checksums and returns the record's checksum.
uint64_t seal_manifest_record(const ManifestRecord& header, const ManifestId& id,
                              MutableBytes record);
// The header at the start of `bytes`, if its own checksum holds; the edits may still be torn.
std::optional<ManifestRecord> decode_manifest_record(ByteView bytes, const ManifestId& id);
// Whether the whole record, header.total_bytes long, is what was sealed.
bool manifest_record_is_whole(const ManifestRecord& header, ByteView record, const ManifestId& id);

}  // namespace timber::memtable
