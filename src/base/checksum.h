#pragma once
// XXH3 (xxHash 0.8, 64 bits), the one checksum of every format.
#include <cstdint>
#include <memory>

#include "src/base/bytes.h"

namespace timber {

uint64_t checksum64(ByteView bytes, uint64_t seed = 0);

// The low half of checksum64.
inline uint32_t checksum32(ByteView bytes, uint64_t seed = 0) {
    return static_cast<uint32_t>(checksum64(bytes, seed));
}

// checksum64 of bytes that come in pieces.
class Checksum64 {
  public:
    explicit Checksum64(uint64_t seed = 0);
    ~Checksum64();
    Checksum64(Checksum64&&) noexcept;
    Checksum64& operator=(Checksum64&&) noexcept;

    void update(ByteView bytes);
    // Of all bytes so far; more may follow.
    uint64_t value() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace timber
