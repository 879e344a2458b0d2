#include "src/base/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace timber {

uint64_t checksum64(ByteView bytes, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace timber
