#include "src/base/checksum.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace timber {

uint64_t checksum64(ByteView bytes, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

struct Checksum64::State {
    XXH3_state_t xxh3;
};

Checksum64::Checksum64(uint64_t seed) : state_(std::make_unique<State>()) {
    XXH3_64bits_reset_withSeed(&state_->xxh3, seed);
}
Checksum64::~Checksum64() = default;
Checksum64::Checksum64(Checksum64&&) noexcept = default;
Checksum64& Checksum64::operator=(Checksum64&&) noexcept = default;

void Checksum64::update(ByteView bytes) {
    XXH3_64bits_update(&state_->xxh3, bytes.data(), bytes.size());
}

uint64_t Checksum64::value() const { return XXH3_64bits_digest(&state_->xxh3); }

}  // namespace timber
