// A table's footer on arbitrary bytes.
//
// The input is tried as it is, and once more with its checksum made right, so that the fields
// behind it are reached. What decodes encodes to the same value again.
#include <array>
#include <cstdint>
#include <vector>

#include "memtable/table_format.h"
#include "src/base/checksum.h"
#include "src/base/coding.h"

namespace timber::memtable {
namespace {

constexpr size_t kFileBytesAt = 24;

void try_tail(ByteView tail, uint64_t file_bytes) {
    const auto footer = decode_table_footer(tail, "fuzz", file_bytes);
    if (!footer) {
        TIMBER_ASSERT(!footer.error().detail.empty());
        return;
    }
    for (const BlockHandle& handle :
         {footer->range_removes, footer->filter, footer->index, footer->properties})
        TIMBER_ASSERT_OP(handle.offset + handle.bytes, <=, file_bytes - kFooterBytes);
    std::array<std::byte, kFooterBytes> again;
    encode_table_footer(*footer, again);
    TIMBER_ASSERT(decode_table_footer(again, "fuzz", file_bytes).value() == *footer);
}

}  // namespace
}  // namespace timber::memtable

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    using namespace timber::memtable;
    const ByteView input(reinterpret_cast<const std::byte*>(data), size);
    try_tail(input, size);
    if (size < kFooterBytes) return 0;
    // As the file of the size that it says.
    std::vector<std::byte> tail(input.begin(), input.end());
    std::byte* footer = tail.data() + size - kFooterBytes;
    try_tail(tail, load<uint64_t>(footer + kFileBytesAt));
    std::byte* end = footer + kFooterBytes - kFooterTailBytes;
    store(end + 16, kTableMagic);
    store(end + 8, checksum64(ByteView(footer, kFooterBytes - kFooterTailBytes + 8)));
    try_tail(tail, load<uint64_t>(footer + kFileBytesAt));
    return 0;
}
