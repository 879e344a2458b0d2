// Superblock, witness, and the headers of segments and of retired ones, on arbitrary bytes.
//
// The input is tried as it is, and once more with its checksum made right, so that the fields
// behind it are reached. What decodes encodes to the same value again.
#include <algorithm>
#include <array>
#include <cstdint>

#include "logengine/format.h"
#include "src/base/checksum.h"
#include "src/base/coding.h"

namespace timber::logengine {
namespace {

using Block = std::array<std::byte, kControlBlockBytes>;

void try_block(ByteView bytes) {
    Block block;
    if (const auto superblock = decode_superblock(bytes, "fuzz", 0)) {
        encode_superblock(*superblock, block);
        TIMBER_ASSERT(decode_superblock(block, "fuzz", 0).value() == *superblock);
    }
    if (const auto witness = decode_witness(bytes, "fuzz", 0)) {
        encode_witness(*witness, block);
        TIMBER_ASSERT(decode_witness(block, "fuzz", 0).value() == *witness);
    }
    if (const auto segment = decode_segment_header(bytes, "fuzz")) {
        encode_segment_header(*segment, block);
        TIMBER_ASSERT(decode_segment_header(block, "fuzz").value() == *segment);
    }
    if (const auto retired = decode_retired_header(bytes, "fuzz")) {
        encode_retired_header(*retired, block);
        TIMBER_ASSERT(decode_retired_header(block, "fuzz").value() == *retired);
    }
}

}  // namespace
}  // namespace timber::logengine

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace timber;
    using namespace timber::logengine;
    const ByteView input(reinterpret_cast<const std::byte*>(data), size);
    try_block(input);
    Block block{};
    std::ranges::copy(input.first(std::min(size, block.size())), block.begin());
    const auto covered = load<uint32_t>(block.data() + 12);
    if (covered > block.size() - sizeof(uint64_t)) return 0;
    store(block.data() + covered, checksum64(ByteView(block).first(covered)));
    try_block(block);
    return 0;
}
