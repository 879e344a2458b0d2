#pragma once
// A buffer fit for direct I/O, and patterns to fill it with.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "src/base/assert.h"
#include "src/base/bytes.h"
#include "src/base/io/disk.h"
#include "src/base/random.h"

namespace timber {

// `bytes` zeros, aligned to kDirectAlignment.
class AlignedBytes {
  public:
    explicit AlignedBytes(size_t bytes)
        : data_(static_cast<std::byte*>(
              std::aligned_alloc(kDirectAlignment, round_up(bytes + 1, kDirectAlignment)))),
          bytes_(bytes) {
        TIMBER_ASSERT(data_ != nullptr);
        std::memset(data_.get(), 0, bytes);
    }

    // Bytes that differ from seed to seed.
    static AlignedBytes pattern(size_t bytes, uint64_t seed) {
        AlignedBytes made(bytes);
        Random random(seed);
        for (size_t index = 0; index < bytes; index += sizeof(uint64_t)) {
            const uint64_t word = random.next();
            std::memcpy(made.data_.get() + index, &word, std::min(sizeof(word), bytes - index));
        }
        return made;
    }

    std::byte* data() { return data_.get(); }
    size_t size() const { return bytes_; }
    MutableBytes all() { return {data_.get(), bytes_}; }
    ByteView view() const { return {data_.get(), bytes_}; }

    friend bool operator==(const AlignedBytes& left, const AlignedBytes& right) {
        return as_text(left.view()) == as_text(right.view());
    }

  private:
    struct Free {
        void operator()(std::byte* data) const { std::free(data); }
    };

    std::unique_ptr<std::byte, Free> data_;
    size_t bytes_;
};

}  // namespace timber
