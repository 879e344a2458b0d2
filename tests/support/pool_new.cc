// A heap for explorers and simulators, in place of the standard library's: operator new and delete
// of the whole program. These programs spend a quarter of their time in malloc, for some millions
// of short-lived objects a second; here taking and giving back one of the usual sizes is a list's
// head.
//
// Blocks of one size lie together in slabs of one large reservation, so that a block's address
// tells its size. Slabs are never given back. What is large, or aligned by more than the usual,
// goes to malloc. Linked by timber_explorer(), and not under sanitizers, which bring heaps that
// check.
//
// Thread:   any; each has its own lists, and keeps what it frees.
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

constexpr size_t kSlabBytes = 64 << 10;
constexpr size_t kSlabs = size_t{1} << 20;
constexpr size_t kReservedBytes = kSlabs * kSlabBytes;

// Multiples of 16 up to kSmallMax, then multiples of kStep, which suits pages and what is kept with
// them.
constexpr size_t kSmallMax = 1024;
constexpr size_t kStep = 512;
constexpr size_t kPooledMax = 9 * 1024;
constexpr size_t kSmallClasses = kSmallMax / 16;
constexpr size_t kClasses = kSmallClasses + (kPooledMax - kSmallMax) / kStep;
static_assert(kClasses <= UINT8_MAX);

constexpr size_t class_of(size_t bytes) {
    if (bytes <= kSmallMax) return bytes == 0 ? 0 : (bytes - 1) / 16;
    return kSmallClasses + (bytes - kSmallMax - 1) / kStep;
}

constexpr size_t bytes_of(size_t size_class) {
    if (size_class < kSmallClasses) return (size_class + 1) * 16;
    return kSmallMax + (size_class - kSmallClasses + 1) * kStep;
}

struct Free {
    Free* next;
};

struct Lists {
    std::array<Free*, kClasses> free{};
    // What is left of the slab that was cut last.
    std::array<std::byte*, kClasses> slab{};
    std::array<std::byte*, kClasses> slab_end{};
};

// Without constructors, since new is called before any of them has run.
constinit thread_local Lists lists{};
constinit std::atomic<std::byte*> reservation = nullptr;
constinit std::atomic<size_t> slabs_cut = 0;
constinit std::array<uint8_t, kSlabs> slab_classes{};

std::byte* reserve() {
    void* const mapped = mmap(nullptr, kReservedBytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) std::abort();
    std::byte* expected = nullptr;
    if (reservation.compare_exchange_strong(expected, static_cast<std::byte*>(mapped)))
        return static_cast<std::byte*>(mapped);
    munmap(mapped, kReservedBytes);
    return expected;
}

// Null once the reservation is used up.
void* cut(size_t size_class) {
    std::byte*& at = lists.slab[size_class];
    const size_t bytes = bytes_of(size_class);
    if (static_cast<size_t>(lists.slab_end[size_class] - at) < bytes) {
        std::byte* base = reservation.load(std::memory_order_acquire);
        if (base == nullptr) base = reserve();
        const size_t slab = slabs_cut.fetch_add(1, std::memory_order_relaxed);
        if (slab >= kSlabs) return nullptr;
        slab_classes[slab] = static_cast<uint8_t>(size_class);
        at = base + slab * kSlabBytes;
        lists.slab_end[size_class] = at + kSlabBytes;
    }
    std::byte* const block = at;
    at += bytes;
    return block;
}

void* from_malloc(size_t bytes) {
    void* const block = std::malloc(bytes);
    if (block == nullptr) throw std::bad_alloc();
    return block;
}

}  // namespace

void* operator new(size_t bytes) {
    if (bytes > kPooledMax) return from_malloc(bytes);
    const size_t size_class = class_of(bytes);
    if (Free* const head = lists.free[size_class]) {
        lists.free[size_class] = head->next;
        return head;
    }
    void* const block = cut(size_class);
    return block != nullptr ? block : from_malloc(bytes);
}

void operator delete(void* block) noexcept {
    const auto offset = static_cast<size_t>(static_cast<std::byte*>(block) -
                                            reservation.load(std::memory_order_relaxed));
    if (offset >= kReservedBytes) return std::free(block);
    Free*& head = lists.free[slab_classes[offset / kSlabBytes]];
    head = new (block) Free{head};
}

void operator delete(void* block, size_t) noexcept { operator delete(block); }
