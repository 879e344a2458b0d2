#include "tests/support/disk_file.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace timber {

namespace {

constexpr uint64_t pages_for(uint64_t bytes) { return (bytes + kPageBytes - 1) / kPageBytes; }

// The part of [offset, offset + bytes) that lies in one page, relative to the page.
struct Piece {
    size_t begin;
    size_t end;
};

Piece piece_of(uint64_t page, uint64_t offset, uint64_t bytes) {
    const uint64_t start = page * kPageBytes;
    return {std::max(offset, start) - start, std::min(offset + bytes, start + kPageBytes) - start};
}

void copy_masked(std::byte* page, const std::byte* from, Piece piece, SectorMask mask) {
    for (size_t sector = 0; sector < kPageSectors; ++sector) {
        if ((mask & (1u << sector)) == 0) continue;
        const size_t begin = std::max(piece.begin, sector * kSectorBytes);
        const size_t end = std::min(piece.end, (sector + 1) * kSectorBytes);
        std::memcpy(page + begin, from + (begin - piece.begin), end - begin);
    }
}

// The end, within the page, of the last sector in `mask` as far as `piece` covers it.
size_t end_of_mask(SectorMask mask, Piece piece) {
    const auto sectors = static_cast<size_t>(std::bit_width(static_cast<unsigned>(mask)));
    return std::min(piece.end, sectors * kSectorBytes);
}

}  // namespace

size_t DiskFile::read(uint64_t offset, MutableBytes into) const {
    if (into.empty() || offset >= size_) return 0;
    const size_t bytes = std::min<uint64_t>(into.size(), size_ - offset);
    for (uint64_t page = offset / kPageBytes; page * kPageBytes < offset + bytes; ++page) {
        const Piece piece = piece_of(page, offset, bytes);
        const PageRef& source = pages_.at(page);
        std::byte* const target = into.data() + (page * kPageBytes + piece.begin - offset);
        if (source) {
            std::memcpy(target, source->bytes.data() + piece.begin, piece.end - piece.begin);
        } else {
            std::memset(target, 0, piece.end - piece.begin);
        }
    }
    return bytes;
}

uint64_t DiskFile::holes_within(uint64_t offset, uint64_t bytes) const {
    uint64_t holes = 0;
    for (uint64_t page = offset / kPageBytes; page < pages_for(offset + bytes); ++page) {
        if (!pages_.at(page)) ++holes;
    }
    return holes;
}

std::byte* DiskFile::change_page(uint64_t page, bool whole) {
    PageRef& slot = pages_.slot(page);
    if (!slot) ++pages_allocated_;
    if (whole) slot = new_page();
    return writable_bytes(slot);
}

void DiskFile::write(ChangeId change, uint64_t offset, ByteView bytes, const Survival* survival) {
    if (bytes.empty()) return;
    const uint64_t end = offset + bytes.size();
    const uint64_t first_sector = offset / kSectorBytes;
    const uint64_t sectors = (end - 1) / kSectorBytes - first_sector + 1;
    uint64_t surviving_end = 0;
    for (uint64_t page = offset / kPageBytes; page * kPageBytes < end; ++page) {
        const Piece piece = piece_of(page, offset, bytes.size());
        SectorMask mask = sectors_touched(piece.begin, piece.end);
        for (size_t sector = 0; survival != nullptr && sector < kPageSectors; ++sector) {
            const uint64_t index = page * kPageSectors + sector - first_sector;
            if ((mask & (1u << sector)) != 0 && !survival->sector_survives(change, index, sectors))
                mask &= static_cast<SectorMask>(~(1u << sector));
        }
        if (mask == 0) continue;
        const bool whole = mask == kAllSectors && piece.begin == 0 && piece.end == kPageBytes;
        std::byte* const into = change_page(page, whole);
        const uint64_t page_start = page * kPageBytes;
        copy_masked(into, bytes.data() + (page_start + piece.begin - offset), piece, mask);
        surviving_end = page_start + end_of_mask(mask, piece);
        versions_[page].push_back({.change = change,
                                   .kind = VersionKind::kData,
                                   .mask = mask,
                                   .after = pages_.at(page),
                                   .first_sector = first_sector,
                                   .sectors = sectors});
    }
    grow(change, surviving_end);
}

void DiskFile::allocate(ChangeId change, uint64_t offset, uint64_t bytes) {
    if (bytes == 0) return;
    const uint64_t first_page = offset / kPageBytes;
    const uint64_t end_page = pages_for(offset + bytes);
    for (uint64_t page = first_page; page < end_page; ++page) {
        PageRef& slot = pages_.slot(page);
        if (slot) continue;
        slot = zero_page();
        ++pages_allocated_;
        versions_[page].push_back({.change = change,
                                   .kind = VersionKind::kAllocation,
                                   .mask = kAllSectors,
                                   .after = slot,
                                   .first_sector = first_page * kPageSectors,
                                   .sectors = (end_page - first_page) * kPageSectors});
    }
    grow(change, offset + bytes);
}

void DiskFile::grow(ChangeId change, uint64_t bytes) {
    if (bytes <= size_) return;
    size_ = bytes;
    sizes_.push_back({.change = change, .bytes = bytes});
}

void DiskFile::drop_page(uint64_t page) {
    PageRef& slot = pages_.slot(page);
    TIMBER_ASSERT(slot != nullptr);
    slot.reset();
    --pages_allocated_;
}

void DiskFile::truncate(ChangeId change, uint64_t bytes) {
    if (bytes >= size_) {
        grow(change, bytes);
        return;
    }
    const size_t tail = bytes % kPageBytes;
    for (uint64_t page = bytes / kPageBytes; page < pages_.count(); ++page) {
        if (!pages_.at(page)) continue;
        const size_t begin = page == bytes / kPageBytes ? tail : 0;
        if (begin == 0) {
            drop_page(page);
        } else {
            std::byte* const into = change_page(page, false);
            std::memset(into + begin, 0, kPageBytes - begin);
        }
        versions_[page].push_back({.change = change,
                                   .kind = VersionKind::kTruncation,
                                   .mask = sectors_touched(begin, kPageBytes),
                                   .after = pages_.at(page)});
    }
    pages_.cut(pages_for(bytes));
    size_ = bytes;
    sizes_.push_back({.change = change, .truncation = true, .bytes = bytes});
}

void DiskFile::persist_page(uint64_t page, PageVersions& versions, SectorMask mask,
                            const std::function<bool(const PageVersion&)>& covers) {
    SectorMask left = mask;
    PageRef& durable = durable_pages_.slot(page);
    for (size_t index = versions.size(); index-- > 0 && left != 0;) {
        const auto moved = static_cast<SectorMask>(versions[index].mask & left);
        if (moved == 0 || !covers(versions[index])) continue;
        copy_sectors(durable, versions[index].after, moved);
        left &= static_cast<SectorMask>(~moved);
        // Older versions of these sectors can no longer come back.
        for (size_t older = 0; older <= index; ++older)
            versions[older].mask &= static_cast<SectorMask>(~moved);
    }
    std::erase_if(versions, [](const PageVersion& each) { return each.mask == 0; });
    if (versions.empty()) durable = pages_.at(page);
}

void DiskFile::forget_sizes_until(size_t count) {
    if (count == 0) return;
    durable_size_ = sizes_[count - 1].bytes;
    durable_size_change_ = sizes_[count - 1].change;
    sizes_.erase(sizes_.begin(), sizes_.begin() + static_cast<ptrdiff_t>(count));
}

void DiskFile::sync(ChangeId last) {
    const auto covered = [last](const PageVersion& version) {
        return version.change <= last && !version.in_doubt;
    };
    for (auto& [page, versions] : versions_) persist_page(page, versions, kAllSectors, covered);
    std::erase_if(versions_, [](const auto& each) { return each.second.empty(); });
    size_t count = 0;
    for (size_t index = 0; index < sizes_.size(); ++index) {
        if (sizes_[index].change <= last && !sizes_[index].in_doubt) count = index + 1;
    }
    forget_sizes_until(count);
}

void DiskFile::settle() {
    durable_pages_ = pages_;
    durable_size_ = size_;
    versions_.clear();
    sizes_.clear();
}

void DiskFile::doubt(ChangeId first, ChangeId last) {
    const auto affected = [&](ChangeId change) { return first <= change && change <= last; };
    for (auto& [page, versions] : versions_) {
        for (PageVersion& version : versions) version.in_doubt |= affected(version.change);
    }
    for (SizeVersion& version : sizes_) version.in_doubt |= affected(version.change);
}

void DiskFile::mark_overtaken(ChangeId change) {
    for (auto& [page, versions] : versions_) {
        for (PageVersion& version : versions) version.overtaken |= version.change == change;
    }
}

void DiskFile::persist_truncations() {
    size_t count = sizes_.size();
    while (count > 0 && !sizes_[count - 1].truncation) --count;
    if (count == 0) return;
    const ChangeId last = sizes_[count - 1].change;
    const auto covered = [last](const PageVersion& version) {
        return version.kind == VersionKind::kTruncation && version.change <= last;
    };
    for (auto& [page, versions] : versions_) persist_page(page, versions, kAllSectors, covered);
    std::erase_if(versions_, [](const auto& each) { return each.second.empty(); });
    forget_sizes_until(count);
}

void DiskFile::persist(uint64_t offset, uint64_t bytes) {
    if (bytes == 0) return;
    const uint64_t end = offset + bytes;
    TIMBER_ASSERT_OP(end, <=, size_);
    // A truncation that came back to life would take the bytes with it.
    persist_truncations();
    for (uint64_t page = offset / kPageBytes; page < pages_for(end); ++page) {
        const auto found = versions_.find(page);
        if (found == versions_.end()) continue;
        const Piece piece = piece_of(page, offset, bytes);
        persist_page(page, found->second, sectors_touched(piece.begin, piece.end),
                     [](const PageVersion&) { return true; });
        if (found->second.empty()) versions_.erase(found);
    }
    for (auto& [page, versions] : versions_) {
        if (page * kPageBytes >= offset) break;
        for (PageVersion& version : versions) version.overtaken = true;
    }
    durable_size_ = std::max(durable_size_, end);
    for (SizeVersion& version : sizes_) version.bytes = std::max(version.bytes, end);
    size_t count = 0;
    while (count < sizes_.size() && sizes_[count].bytes == durable_size_) ++count;
    forget_sizes_until(count);
}

}  // namespace timber
