#pragma once
// Bytes that grow at their end and are used again and again: as std::vector, but room that is about
// to be written is not zeroed before.
#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "src/base/assert.h"
#include "src/base/bytes.h"

namespace timber::memtable {

class ByteBuffer {
  public:
    const std::byte* data() const { return data_.get(); }
    std::byte* data() { return data_.get(); }
    size_t size() const { return size_; }
    ByteView view() const { return {data_.get(), size_}; }
    MutableBytes bytes() { return {data_.get(), size_}; }
    void clear() { size_ = 0; }

    // Room for `count` bytes behind the end; good until the next call.
    std::byte* room(size_t count) {
        if (capacity_ - size_ < count) [[unlikely]]
            grow(count);
        return data_.get() + size_;
    }
    // The first `count` bytes of the room were written.
    void commit(size_t count) {
        TIMBER_ASSERT_OP(count, <=, capacity_ - size_);
        size_ += count;
    }
    void append(ByteView bytes) {
        copy_bytes(bytes, room(bytes.size()));
        size_ += bytes.size();
    }

  private:
    void grow(size_t count) {
        const size_t capacity = std::max(2 * capacity_, size_ + count);
        auto grown = std::make_unique_for_overwrite<std::byte[]>(capacity);
        if (size_ > 0) std::memcpy(grown.get(), data_.get(), size_);
        data_ = std::move(grown);
        capacity_ = capacity;
    }

    std::unique_ptr<std::byte[]> data_;
    size_t size_ = 0;
    size_t capacity_ = 0;
};

}  // namespace timber::memtable
