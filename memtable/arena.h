#pragma once
// Memory that is taken piece by piece and given back all at once.
//
// Pieces are cut from chunks, which grow with what was taken: a small arena stays small, and a
// large one is made of few large chunks. Those ask for huge pages, because a search in a large skip
// list otherwise misses the processor's address cache at nearly every node.
//
// Thread:     allocate() from one thread at a time; bytes() from any.
// Lifetime:   pieces live as long as the arena.
// Invariants: A1  pieces do not overlap, and are aligned to kAlignment.
//             A2  bytes() counts every chunk whole, and is at most kSlack more than twice what was
//                 taken.
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "src/base/bytes.h"

namespace timber::memtable {

class Arena {
  public:
    static constexpr size_t kAlignment = 8;
    static constexpr size_t kChunkBytesMin = 4_KiB;
    static constexpr size_t kChunkBytesMax = 2_MiB;
    static constexpr size_t kSlack = kChunkBytesMin;

    Arena() = default;
    ~Arena();
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;

    std::byte* allocate(size_t bytes) {
        bytes = round_up(bytes, kAlignment);
        if (bytes > free_bytes_) [[unlikely]]
            return allocate_slow(bytes);
        std::byte* piece = free_;
        free_ += bytes;
        free_bytes_ -= bytes;
        return piece;
    }

    // Of all chunks.
    size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

  private:
    struct Chunk {
        std::byte* memory;
        size_t bytes;
    };

    std::byte* allocate_slow(size_t bytes);
    std::byte* new_chunk(size_t bytes);

    std::byte* free_ = nullptr;
    size_t free_bytes_ = 0;
    std::vector<Chunk> chunks_;
    std::atomic<size_t> bytes_{0};
};

}  // namespace timber::memtable
