// Compressed blocks: arbitrary bytes decompress or are refused, and content comes back as it was.
//
// The first byte says how the rest is compressed.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "memtable/compression.h"
#include "src/base/assert.h"

namespace timber::memtable {
namespace {

constexpr size_t kContentBytesMax = 1_MiB;

void decompress(Compression compression, ByteView payload) {
    const auto bytes = decompressed_bytes(payload, kContentBytesMax);
    if (!bytes) return;
    TIMBER_ASSERT_OP(*bytes, <=, kContentBytesMax);
    std::vector<std::byte> content(*bytes);
    TIMBER_MAYBE(decompress_block(compression, payload, content).ok());
}

void there_and_back(Compression compression, ByteView content) {
    if (content.empty()) return;
    Compressor compressor(compression, 1);
    ByteBuffer payload;
    const Compression used = compressor.append(content, payload);
    if (used == Compression::kNone) {
        TIMBER_ASSERT(std::ranges::equal(payload.view(), content));
        return;
    }
    TIMBER_ASSERT(used == compression);
    TIMBER_ASSERT_OP(payload.size(), <, content.size());
    std::vector<std::byte> back(decompressed_bytes(payload.view(), content.size()).value());
    TIMBER_ASSERT(decompress_block(used, payload.view(), back).ok());
    TIMBER_ASSERT(std::ranges::equal(back, content));
}

}  // namespace
}  // namespace timber::memtable

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    using namespace timber::memtable;
    if (size == 0) return 0;
    const auto compression = static_cast<Compression>(data[0] % 3);
    const ByteView rest(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
    decompress(compression, rest);
    there_and_back(compression, rest);
    return 0;
}
