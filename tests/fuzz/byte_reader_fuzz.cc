// ByteReader on arbitrary bytes: it never reads outside, stays failed once it failed, and what it
// decoded encodes to the same value again.
//
// The first half of the input says which reads to make, the second half is what they read.
#include <cstdint>
#include <vector>

#include "src/base/assert.h"
#include "src/base/coding.h"

namespace timber {
namespace {

void read_varint(ByteReader& reader) {
    const uint64_t value = reader.varint();
    if (!reader.ok()) return;
    std::vector<std::byte> encoded;
    put_varint(encoded, value);
    ByteReader again(encoded);
    TIMBER_ASSERT(again.varint() == value);
    TIMBER_ASSERT(again.done());
}

void read_bytes(ByteReader& reader, uint64_t count) {
    const size_t before = reader.remaining();
    const ByteView bytes = reader.bytes(count);
    if (reader.ok()) {
        TIMBER_ASSERT_OP(bytes.size(), ==, count);
        TIMBER_ASSERT_OP(reader.remaining() + count, ==, before);
    } else {
        TIMBER_ASSERT(bytes.empty());
    }
}

void step(ByteReader& reader, uint8_t choice) {
    const bool ok_before = reader.ok();
    switch (choice % 5) {
        case 0: read_varint(reader); break;
        case 1: reader.fixed<uint8_t>(); break;
        case 2: reader.fixed<uint32_t>(); break;
        case 3: reader.fixed<uint64_t>(); break;
        case 4: read_bytes(reader, choice / 5); break;
    }
    if (!ok_before) TIMBER_ASSERT(!reader.ok());
    if (!reader.ok()) TIMBER_ASSERT(reader.remaining() == 0);
}

}  // namespace
}  // namespace timber

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const size_t choices = size / 2;
    timber::ByteReader reader(
        timber::ByteView(reinterpret_cast<const std::byte*>(data) + choices, size - choices));
    for (size_t i = 0; i < choices; ++i) timber::step(reader, data[i]);
    return 0;
}
