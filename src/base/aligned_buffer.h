#pragma once
// Memory whose address and capacity are multiples of a power of two, as direct I/O needs it.
//
// Thread:   none of its own.
// Contents: new memory is not initialised.
#include <cstddef>
#include <cstdlib>
#include <utility>

#include "src/base/assert.h"
#include "src/base/bytes.h"

namespace timber {

class AlignedBuffer {
  public:
    static constexpr size_t kAlignment = 4096;

    AlignedBuffer() = default;
    explicit AlignedBuffer(size_t bytes) { reserve(bytes); }
    ~AlignedBuffer() { std::free(data_); }
    AlignedBuffer(AlignedBuffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), capacity_(std::exchange(other.capacity_, 0)) {}
    AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(capacity_, other.capacity_);
        return *this;
    }

    // Makes room for `bytes`; what was in the buffer is lost if it has to grow.
    void reserve(size_t bytes) {
        if (bytes <= capacity_) return;
        release();
        capacity_ = round_up(bytes, kAlignment);
        data_ = static_cast<std::byte*>(std::aligned_alloc(kAlignment, capacity_));
        TIMBER_ASSERT(data_ != nullptr);
    }
    void release() {
        std::free(std::exchange(data_, nullptr));
        capacity_ = 0;
    }

    std::byte* data() { return data_; }
    const std::byte* data() const { return data_; }
    size_t capacity() const { return capacity_; }
    MutableBytes first(size_t bytes) {
        TIMBER_ASSERT_OP(bytes, <=, capacity_);
        return {data_, bytes};
    }

  private:
    std::byte* data_ = nullptr;
    size_t capacity_ = 0;
};

}  // namespace timber
