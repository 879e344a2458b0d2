// A manifest's header, a slot of CURRENT and the header of a record on arbitrary bytes.
//
// The input is tried as it is, and once more with its checksums made right, so that the fields
// behind them are reached. What decodes encodes to the same value again.
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "memtable/manifest_format.h"
#include "src/base/checksum.h"
#include "src/base/coding.h"

namespace timber::memtable {
namespace {

constexpr ManifestId kId{.store = 1, .number = 2, .draw = 3};

using Block = std::array<std::byte, kManifestBlockBytes>;

void try_block(ByteView bytes) {
    Block block;
    if (const auto header = decode_manifest_header(bytes, "fuzz")) {
        encode_manifest_header(*header, block);
        TIMBER_ASSERT(decode_manifest_header(block, "fuzz").value() == *header);
    }
    if (const auto slot = decode_current_slot(bytes, "fuzz", 0)) {
        encode_current_slot(*slot, block);
        TIMBER_ASSERT(decode_current_slot(block, "fuzz", 0).value() == *slot);
    }
}

void try_record(ByteView bytes) {
    const auto header = decode_manifest_record(bytes, kId);
    if (!header || header->total_bytes > bytes.size()) return;
    TIMBER_MAYBE(manifest_record_is_whole(*header, bytes.first(header->total_bytes), kId));
}

// The fields as they are, sealed.
void try_sealed_record(ByteView input) {
    if (input.size() < kManifestRecordHeaderBytes) return;
    std::vector<std::byte> record(input.begin(), input.end());
    ManifestRecord header{.total_bytes = static_cast<uint32_t>(record.size()),
                          .edits = load<uint32_t>(record.data() + 20),
                          .ordinal = load<uint64_t>(record.data() + 24),
                          .block = load<uint32_t>(record.data() + 32),
                          .previous = load<uint64_t>(record.data() + 40)};
    header.checksum = seal_manifest_record(header, kId, record);
    const auto again = decode_manifest_record(record, kId);
    TIMBER_ASSERT(again && *again == header);
    TIMBER_ASSERT(manifest_record_is_whole(header, record, kId));
    // Another manifest's record, and one with a byte changed, is none.
    TIMBER_ASSERT(!decode_manifest_record(record, {.store = 1, .number = 3, .draw = 3}));
    record.back() ^= std::byte{1};
    TIMBER_ASSERT(!manifest_record_is_whole(header, record, kId));
}

}  // namespace
}  // namespace timber::memtable

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    using namespace timber::memtable;
    const ByteView input(reinterpret_cast<const std::byte*>(data), size);
    try_block(input);
    try_record(input);
    try_sealed_record(input);
    Block block{};
    std::ranges::copy(input.first(std::min(size, block.size())), block.begin());
    const auto covered = load<uint32_t>(block.data() + 12);
    if (covered > block.size() - sizeof(uint64_t)) return 0;
    store(block.data() + covered, checksum64(ByteView(block).first(covered)));
    try_block(block);
    return 0;
}
