#pragma once
// The on-disk format of table files: constants, the frame of a stored block, and the footer.
// FORMAT.md draws it; the tidy test compares the constants there with the ones here.
//
// Decoders are total: any bytes give a value or say what is wrong with them.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "memtable/options.h"
#include "memtable/types.h"
#include "src/base/bytes.h"
#include "src/base/result.h"

namespace timber::memtable {

inline constexpr uint32_t kTableFormatVersion = 1;
inline constexpr uint64_t kTableMagic = 0x454c425452424d54;  // "TMBRTBLE"

// Every block begins at a multiple of this, so that 32 bits of an index reach 32 GiB far.
inline constexpr size_t kBlockAlignment = 8;
inline constexpr size_t kBlockHeaderBytes = 12;
// Of a header's second field: the payload's size below, how it is compressed above.
inline constexpr unsigned kBlockCompressionShift = 30;
inline constexpr size_t kBlockPayloadBytesMax = (size_t{1} << kBlockCompressionShift) - 1;
// A data block before compression: entries up to block_bytes, and one more of the largest kind.
inline constexpr size_t kDataBlockBytesMax = 72_MiB;
inline constexpr size_t kDataBlockHeadBytes = 24;
inline constexpr size_t kDataBlockRestartBytes = 8;
// Behind the trailers of a data block lie so many bytes at least, so that whole words can be read.
inline constexpr size_t kDataBlockSlackBytes = 16;
inline constexpr size_t kRestartIntervalMax = 65535;
// What is written is padded to this, as direct I/O wants it; a page is what a read costs at least.
inline constexpr size_t kTablePageBytes = 4096;
inline constexpr size_t kFooterBytes = 112;
// The end of the footer, the same in all versions: version, bytes, checksum, magic.
inline constexpr size_t kFooterTailBytes = 24;
inline constexpr uint64_t kTableFileBytesMax = uint64_t{kBlockAlignment} << 32;

static_assert(kTablePageBytes % kBlockAlignment == 0);
static_assert(kFooterBytes % kBlockAlignment == 0);
static_assert(kValueBytesMax + 1_MiB + 2 * kKeyBytesMax < kDataBlockBytesMax);

// Where a stored block lies, header included. No bytes: there is none.
struct BlockHandle {
    uint64_t offset = 0;
    uint32_t bytes = 0;

    friend bool operator==(const BlockHandle&, const BlockHandle&) = default;
};

struct TableFooter {
    FileId id;
    Family family = Family::kDefault;
    uint64_t file_bytes = 0;
    // Data blocks lie before it, everything else behind.
    uint64_t data_bytes = 0;
    BlockHandle range_removes;
    BlockHandle filter;
    BlockHandle index;
    BlockHandle properties;

    friend bool operator==(const TableFooter&, const TableFooter&) = default;
};

// The last kFooterBytes of a file.
void encode_table_footer(const TableFooter& footer, MutableBytes to);
// From the last bytes of a file of `file_bytes`, kFooterBytes of them at least. Errors:
// kWrongFormat (another magic), kCorrupted, kNewerFormat; each names `file` and an offset.
Result<TableFooter> decode_table_footer(ByteView tail, std::string_view file, uint64_t file_bytes);

// Seeds the checksum of a block: its bytes in another file, or at another place, do not verify.
class BlockSeed {
  public:
    BlockSeed() = default;
    explicit BlockSeed(const FileId& id);
    uint64_t at(uint64_t offset) const { return identity_ ^ (offset * 0x9e3779b97f4a7c15); }

  private:
    uint64_t identity_ = 0;
};

// Fills in the header of a stored block: `block` is room for the header, then the payload.
void seal_block(MutableBytes block, Compression compression, uint64_t seed);

struct StoredBlock {
    Compression compression = Compression::kNone;
    ByteView payload;
};
// The block at the start of `bytes`, which may go on behind it. On failure: what is wrong.
Result<StoredBlock> open_block(ByteView bytes, uint64_t seed);

// Of a part of a table that no writer wrote so; whoever knows the file adds it.
inline Error damaged(const char* what) { return make_error(ErrorCode::kCorrupted, what); }

}  // namespace timber::memtable
