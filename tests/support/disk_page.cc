#include "tests/support/disk_page.h"

#include <cstring>

#include "src/base/assert.h"
#include "src/base/checksum.h"

namespace timber {

uint64_t DiskPage::hash() const {
    uint64_t hash = hash_.load(std::memory_order_relaxed);
    if (hash == 0) {
        hash = checksum64(bytes) | 1;
        hash_.store(hash, std::memory_order_relaxed);
    }
    return hash;
}

PageRef new_page() { return std::make_shared_for_overwrite<DiskPage>(); }

static PageRef make_zero_page() {
    PageRef page = new_page();
    page->bytes.fill(std::byte{0});
    return page;
}

const PageRef& zero_page() {
    static const PageRef page = make_zero_page();
    return page;
}

uint64_t page_hash(const PageRef& page) { return (page ? page : zero_page())->hash(); }

std::byte* writable_bytes(PageRef& page) {
    if (!page) {
        page = make_zero_page();
    } else if (page.use_count() > 1) {
        PageRef copy = new_page();
        copy->bytes = page->bytes;
        page = std::move(copy);
    } else {
        // Another thread may have given up its reference just now, after it read the page: giving
        // one up here too orders that read before our writes, which use_count() does not.
        PageRef(page).reset();
        page->forget_hash();
    }
    return page->bytes.data();
}

void copy_sectors(PageRef& into, const PageRef& from, SectorMask mask) {
    if (mask == 0 || into == from) return;
    if (mask == kAllSectors) {
        into = from;
        return;
    }
    std::byte* const bytes = writable_bytes(into);
    const DiskPage& source = *(from ? from : zero_page());
    for (size_t sector = 0; sector < kPageSectors; ++sector) {
        if ((mask & (1u << sector)) == 0) continue;
        const size_t start = sector * kSectorBytes;
        std::memcpy(bytes + start, source.bytes.data() + start, kSectorBytes);
    }
}

const PageRef& PageList::at(uint64_t page) const {
    static const PageRef hole;
    return page < pages_.size() ? pages_[page] : hole;
}

PageRef& PageList::slot(uint64_t page) {
    if (page >= pages_.size()) pages_.resize(page + 1);
    return pages_[page];
}

void PageList::cut(uint64_t pages) {
    if (pages < pages_.size()) pages_.resize(pages);
}

}  // namespace timber
