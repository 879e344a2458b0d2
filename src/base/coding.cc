#include "src/base/coding.h"

#include <array>

namespace timber {

void put_varint(std::vector<std::byte>& to, uint64_t value) {
    std::array<std::byte, kVarintBytesMax> encoded;
    put_bytes(to, ByteView(encoded).first(store_varint(encoded.data(), value)));
}

void put_bytes(std::vector<std::byte>& to, ByteView bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
}

uint64_t ByteReader::varint() {
    uint64_t value = 0;
    for (size_t i = 0; i < kVarintBytesMax; ++i) {
        if (i == rest_.size()) return fail<uint64_t>();
        const auto byte = static_cast<uint64_t>(rest_[i]);
        // The tenth byte holds bit 63 alone.
        if (i == kVarintBytesMax - 1 && byte > 1) return fail<uint64_t>();
        value |= (byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            rest_ = rest_.subspan(i + 1);
            return value;
        }
    }
    return fail<uint64_t>();
}

ByteView ByteReader::bytes(uint64_t count) {
    if (count > rest_.size()) return fail<ByteView>();
    ByteView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
}

}  // namespace timber
