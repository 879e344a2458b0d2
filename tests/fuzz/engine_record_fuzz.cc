// The storage engine's records and rows on arbitrary bytes.
//
// The first byte says which decoder. What decodes encodes to a value that decodes to the same;
// where numbers have one way only to be written, to the same bytes.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "src/storage/record_format.h"

namespace timber::storage {
namespace {

void try_entry(ByteView bytes) {
    const Result<DecodedEntry> entry = decode_entry(bytes);
    if (!entry.ok()) return;
    std::vector<std::byte> again(kEntryPrefixBytes);
    encode_entry_prefix({.term = entry->term, .index = {}, .type = entry->type, .payload = {}},
                        again);
    again.insert(again.end(), entry->payload.begin(), entry->payload.end());
    TIMBER_ASSERT(std::ranges::equal(again, bytes));
}

void try_progress(ByteView bytes) {
    const Result<RegionProgress> progress = decode_progress(bytes);
    if (!progress.ok()) return;
    const std::vector<std::byte> again = encode_progress(*progress);
    TIMBER_ASSERT_OP(again.size(), <=, kProgressBytesMax);
    TIMBER_ASSERT(decode_progress(again).value() == *progress);
}

void try_change(logengine::RecordType type, ByteView bytes) {
    const Result<RegionChange> change = decode_change(type, bytes);
    if (!change.ok()) return;
    TIMBER_ASSERT(record_type(*change) == type);
    const std::vector<std::byte> again = encode_change(*change);
    const Result<RegionChange> decoded = decode_change(type, again);
    TIMBER_ASSERT(decoded.ok());
    TIMBER_ASSERT(encode_change(*decoded) == again);
}

void try_identity(ByteView bytes) {
    const Result<StoreIdentity> identity = decode_identity(bytes);
    if (identity.ok()) TIMBER_ASSERT(std::ranges::equal(encode_identity(*identity), bytes));
}

void try_row(ByteView bytes) {
    const Result<RegionRow> row = decode_row(as_text(bytes));
    if (row.ok()) TIMBER_ASSERT(decode_row(encode_row(*row)).value() == *row);
    if (const auto region = parse_region_row_key(as_text(bytes)))
        TIMBER_ASSERT(region_row_key(*region) == as_text(bytes));
}

}  // namespace
}  // namespace timber::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    using namespace timber::storage;
    if (size == 0) return 0;
    const ByteView bytes(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
    switch (data[0] % 7) {
        case 0: try_entry(bytes); break;
        case 1: try_progress(bytes); break;
        case 2: try_change(kCreatedRecord, bytes); break;
        case 3: try_change(kDestroyedRecord, bytes); break;
        case 4: try_change(kInstallRecord, bytes); break;
        case 5: try_identity(bytes); break;
        case 6: try_row(bytes); break;
    }
    return 0;
}
