#include "memtable/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <new>

#include "src/base/assert.h"

namespace timber::memtable {
namespace {

constexpr size_t kHugePageBytes = 2_MiB;
static_assert(Arena::kChunkBytesMax % kHugePageBytes == 0);

// Chunks of whole huge pages lie where huge pages may.
std::align_val_t alignment_of(size_t chunk_bytes) {
    return std::align_val_t(chunk_bytes % kHugePageBytes == 0 ? kHugePageBytes
                                                              : alignof(std::max_align_t));
}

}  // namespace

Arena::~Arena() {
    for (const Chunk& chunk : chunks_) ::operator delete(chunk.memory, alignment_of(chunk.bytes));
}

std::byte* Arena::allocate_slow(size_t bytes) {
    // A quarter of what there is: the unused end of the last chunk stays small against the whole,
    // so that a limit on bytes() is a limit on what was taken, nearly.
    const size_t chunk_bytes =
        std::clamp(std::bit_floor(this->bytes() / 4), kChunkBytesMin, kChunkBytesMax);
    // A large piece gets a chunk of its own, and the rest of the current one stays in use:
    // otherwise large and small pieces in turn would waste nearly a chunk for each large one.
    if (bytes > chunk_bytes / 4) return new_chunk(bytes);
    free_ = new_chunk(chunk_bytes);
    free_bytes_ = chunk_bytes;
    return allocate(bytes);
}

std::byte* Arena::new_chunk(size_t bytes) {
    TIMBER_ASSERT_OP(bytes % kAlignment, ==, 0u);
    auto* memory = static_cast<std::byte*>(::operator new(bytes, alignment_of(bytes)));
    // Only advice: where there are no huge pages, it is slower and nothing else.
    if (bytes % kHugePageBytes == 0) (void)::madvise(memory, bytes, MADV_HUGEPAGE);
    chunks_.push_back({memory, bytes});
    bytes_.store(this->bytes() + bytes, std::memory_order_relaxed);
    return memory;
}

}  // namespace timber::memtable
