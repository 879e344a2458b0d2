#pragma once
// Little-endian fixed-width integers and varints, in one place for every format.
//
// store/load move an integer to and from raw memory. ByteReader decodes untrusted bytes: every read
// checks what remains, and once one read failed all later ones give zero and ok() stays false, so a
// decoder may read a whole structure and ask once.
// Varint: 7 bits a byte, low bits first, the high bit says that another byte follows; at most 10
// bytes, and a longer or overflowing one is malformed.
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <vector>

#include "src/base/bytes.h"

namespace timber {

static_assert(std::endian::native == std::endian::little, "the formats are read in place");

template <std::integral T>
inline void store(std::byte* to, T value) {
    std::memcpy(to, &value, sizeof value);
}

template <std::integral T>
inline T load(const std::byte* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

inline constexpr size_t kVarintBytesMax = 10;

// Appends to a byte vector.
template <std::integral T>
inline void put_fixed(std::vector<std::byte>& to, T value) {
    const size_t at = to.size();
    to.resize(at + sizeof value);
    store(to.data() + at, value);
}

// Stores at `to`, where there is room for kVarintBytesMax; gives how many bytes it took.
inline size_t store_varint(std::byte* to, uint64_t value) {
    size_t bytes = 0;
    for (; value >= 0x80; value >>= 7) to[bytes++] = static_cast<std::byte>(value | 0x80);
    to[bytes++] = static_cast<std::byte>(value);
    return bytes;
}

void put_varint(std::vector<std::byte>& to, uint64_t value);
void put_bytes(std::vector<std::byte>& to, ByteView bytes);

// Maps signed differences to small unsigned numbers: 0, -1, 1, -2, 2 become 0, 1, 2, 3, 4.
constexpr uint64_t zigzag(int64_t value) {
    return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
constexpr int64_t unzigzag(uint64_t value) {
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

class ByteReader {
  public:
    explicit ByteReader(ByteView bytes) : rest_(bytes) {}

    template <std::integral T>
    T fixed() {
        if (rest_.size() < sizeof(T)) return fail<T>();
        T value = load<T>(rest_.data());
        rest_ = rest_.subspan(sizeof(T));
        return value;
    }
    uint64_t varint();
    // The next `count` bytes, a view into the input; empty on failure.
    ByteView bytes(uint64_t count);

    size_t remaining() const { return rest_.size(); }
    bool ok() const { return ok_; }
    // All was read, and nothing failed.
    bool done() const { return ok_ && rest_.empty(); }

  private:
    template <typename T>
    T fail() {
        ok_ = false;
        rest_ = {};
        return T{};
    }

    ByteView rest_;
    bool ok_ = true;
};

}  // namespace timber
