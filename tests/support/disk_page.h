#pragma once
// Pages of simulated files: shared until written, so that cloning a disk copies references only.
//
// Thread:   a page is changed by one thread, and only while nobody else refers to it; reading and
//           hashing shared pages is fine from several threads.
// Lifetime: owned by all files and images that hold the same content; the last one frees it.
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/io/disk.h"

namespace timber {

inline constexpr size_t kPageBytes = 4096;
inline constexpr size_t kPageSectors = kPageBytes / kSectorBytes;

// One bit for each sector of a page.
using SectorMask = uint8_t;
inline constexpr SectorMask kAllSectors = 0xff;
static_assert(kPageSectors == 8);

class DiskPage {
  public:
    std::array<std::byte, kPageBytes> bytes;

    // XXH3 of the bytes, computed once.
    uint64_t hash() const;
    void forget_hash() { hash_.store(0, std::memory_order_relaxed); }

  private:
    // 0 while unknown.
    mutable std::atomic<uint64_t> hash_ = 0;
};

// Null is a hole: no space is allocated and it reads as zeros.
using PageRef = std::shared_ptr<DiskPage>;

// An allocated page of zeros.
const PageRef& zero_page();
// A page whose bytes are undefined until written.
PageRef new_page();
// A page may be missing; then it hashes like a page of zeros.
uint64_t page_hash(const PageRef& page);
// The bytes of `page` for writing: made if it was a hole, copied if it was shared.
std::byte* writable_bytes(PageRef& page);
// Makes the sectors in `mask` of `into` those of `from`.
void copy_sectors(PageRef& into, const PageRef& from, SectorMask mask);

// The sectors that [begin, end) of a page touches.
constexpr SectorMask sectors_touched(size_t begin, size_t end) {
    if (begin >= end) return 0;
    const size_t first = begin / kSectorBytes;
    const size_t last = (end - 1) / kSectorBytes;
    return static_cast<SectorMask>(((2u << last) - 1) & ~((1u << first) - 1));
}

// Pages by number; missing at the end are holes.
class PageList {
  public:
    const PageRef& at(uint64_t page) const;
    PageRef& slot(uint64_t page);
    uint64_t count() const { return pages_.size(); }
    void cut(uint64_t pages);

  private:
    std::vector<PageRef> pages_;
};

}  // namespace timber
