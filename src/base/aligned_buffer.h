#pragma once
// Memory whose address and capacity are multiples of a power of two, as direct I/O needs it.
//
// Large buffers ask for huge pages. A device is told of each piece of memory that is not contiguous
// with the last, and 20 KiB on scattered pages take it a sixth longer to write than on one.
//
// Thread:   none of its own.
// Contents: new memory is not initialised.
#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <utility>

#include "src/base/assert.h"
#include "src/base/bytes.h"

namespace timber {

class AlignedBuffer {
  public:
    static constexpr size_t kAlignment = 4096;
    static constexpr size_t kHugePageBytes = size_t{2} << 20;

    AlignedBuffer() = default;
    explicit AlignedBuffer(size_t bytes) { reserve(bytes); }
    ~AlignedBuffer() { std::free(data_); }
    AlignedBuffer(AlignedBuffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)),
          capacity_(std::exchange(other.capacity_, 0)) {}
    AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(capacity_, other.capacity_);
        return *this;
    }

    // Makes room for `bytes`; what was in the buffer is lost if it has to grow.
    void reserve(size_t bytes) {
        if (bytes <= capacity_) return;
        release();
        const bool huge = bytes >= kHugePageBytes;
        const size_t alignment = huge ? kHugePageBytes : kAlignment;
        capacity_ = round_up(bytes, alignment);
        data_ = static_cast<std::byte*>(std::aligned_alloc(alignment, capacity_));
        TIMBER_ASSERT(data_ != nullptr);
        // A machine that has none gives ordinary pages.
        if (huge) (void)::madvise(data_, capacity_, MADV_HUGEPAGE);
    }
    void release() {
        std::free(std::exchange(data_, nullptr));
        capacity_ = 0;
    }

    std::byte* data() { return data_; }
    const std::byte* data() const { return data_; }
    size_t capacity() const { return capacity_; }
    MutableBytes first(size_t bytes) { return part(0, bytes); }
    MutableBytes part(size_t offset, size_t bytes) {
        TIMBER_ASSERT_OP(offset, <=, capacity_);
        TIMBER_ASSERT_OP(bytes, <=, capacity_ - offset);
        return {data_ + offset, bytes};
    }

  private:
    std::byte* data_ = nullptr;
    size_t capacity_ = 0;
};

}  // namespace timber
