#pragma once
// XXH3 (xxHash 0.8, 64 bits), the one checksum of every format.
#include <cstdint>

#include "src/base/bytes.h"

namespace timber {

uint64_t checksum64(ByteView bytes, uint64_t seed = 0);

// The low half of checksum64.
inline uint32_t checksum32(ByteView bytes, uint64_t seed = 0) {
    return static_cast<uint32_t>(checksum64(bytes, seed));
}

}  // namespace timber
