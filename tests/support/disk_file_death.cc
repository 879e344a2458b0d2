// What a power cut leaves of a file, and its fingerprints.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "tests/support/disk_file.h"
#include "tests/support/trace_hash.h"

namespace timber {

namespace {

// Nothing written behind the size can be read again: not now, and not after the file grew.
void cut_behind_size(PageList& pages, uint64_t bytes) {
    pages.cut((bytes + kPageBytes - 1) / kPageBytes);
    const size_t tail = bytes % kPageBytes;
    const uint64_t last = bytes / kPageBytes;
    if (tail == 0 || !pages.at(last)) return;
    const auto behind = ByteView(pages.at(last)->bytes).subspan(tail);
    const bool clean =
        std::ranges::all_of(behind, [](std::byte each) { return each == std::byte{0}; });
    if (!clean) std::memset(writable_bytes(pages.slot(last)) + tail, 0, kPageBytes - tail);
}

}  // namespace

void DiskFile::collect_open(std::vector<ChangeId>& open) const {
    for (const auto& [page, versions] : versions_) {
        for (const PageVersion& version : versions) open.push_back(version.change);
    }
    for (const SizeVersion& version : sizes_) open.push_back(version.change);
}

size_t DiskFile::sizes_surviving(const Survival& survival) const {
    size_t count = sizes_.size();
    while (count > 0 && !survival.metadata_survives(sizes_[count - 1].change, 0)) --count;
    return count;
}

void DiskFile::lose_power(const Survival& survival, DeathReport& report) {
    if (settled()) return;
    forget_sizes_until(sizes_surviving(survival));
    uint64_t first_lost = std::numeric_limits<uint64_t>::max();
    uint64_t last_kept = 0;
    for (const auto& [page, versions] : versions_) {
        const PageLoss loss = lose_page(page, versions, survival);
        report.sectors_kept += static_cast<uint64_t>(std::popcount(loss.kept));
        report.sectors_lost += static_cast<uint64_t>(std::popcount(loss.lost));
        report.hole_with_survivors |= loss.overtaken;
        if (loss.lost != 0) {
            const auto sector = static_cast<uint64_t>(std::countr_zero(loss.lost));
            first_lost = std::min(first_lost, page * kPageSectors + sector);
        }
        if (loss.kept != 0) {
            const auto sector = static_cast<uint64_t>(std::bit_width(loss.kept)) - 1;
            last_kept = std::max(last_kept, page * kPageSectors + sector);
        }
    }
    if (first_lost < last_kept) report.hole_with_survivors = true;
    versions_.clear();
    sizes_.clear();
    cut_behind_size(durable_pages_, durable_size_);
    size_ = durable_size_;
    pages_ = durable_pages_;
    pages_allocated_ = 0;
    for (uint64_t page = 0; page < pages_.count(); ++page)
        pages_allocated_ += pages_.at(page) ? 1 : 0;
}

DiskFile::PageLoss DiskFile::lose_page(uint64_t page, const PageVersions& versions,
                                       const Survival& survival) {
    const auto survives = [&](const PageVersion& version, size_t sector) {
        switch (version.kind) {
            case VersionKind::kTruncation:
                // Together with the size: what was cut off never shows behind the new end.
                return version.change <= durable_size_change_;
            case VersionKind::kAllocation:
                return survival.sector_survives(version.change,
                                                page - version.first_sector / kPageSectors,
                                                version.sectors / kPageSectors);
            case VersionKind::kData:
                return survival.sector_survives(version.change,
                                                page * kPageSectors + sector - version.first_sector,
                                                version.sectors);
        }
        TIMBER_UNREACHABLE();
    };
    PageLoss loss;
    SectorMask left = kAllSectors;
    PageRef result = durable_pages_.at(page);
    for (size_t index = versions.size(); index-- > 0;) {
        const PageVersion& version = versions[index];
        SectorMask kept = 0;
        for (size_t sector = 0; sector < kPageSectors; ++sector) {
            const auto bit = static_cast<SectorMask>(1u << sector);
            if ((version.mask & left & bit) == 0) continue;
            if (survives(version, sector)) {
                kept |= bit;
            } else if (version.kind == VersionKind::kData) {
                loss.lost |= bit;
                loss.overtaken |= version.overtaken;
            }
        }
        copy_sectors(result, version.after, kept);
        left &= static_cast<SectorMask>(~kept);
        if (version.kind == VersionKind::kData) loss.kept |= kept;
    }
    durable_pages_.slot(page) = std::move(result);
    return loss;
}

uint64_t DiskFile::readable_fingerprint() const {
    TraceHash hash;
    hash.mix(size_);
    const uint64_t pages = (size_ + kPageBytes - 1) / kPageBytes;
    for (uint64_t page = 0; page < pages; ++page) hash.mix(page_hash(pages_.at(page)));
    return hash.value();
}

uint64_t DiskFile::fingerprint() const {
    TraceHash hash;
    hash.mix(readable_fingerprint());
    if (settled()) return hash.value();
    hash.mix(durable_size_);
    for (const auto& [page, versions] : versions_) {
        hash.mix(page);
        hash.mix(page_hash(durable_pages_.at(page)));
        for (const PageVersion& version : versions) {
            hash.mix(version.mask | (static_cast<uint64_t>(version.kind) << 8) |
                     (static_cast<uint64_t>(version.in_doubt) << 16));
            hash.mix(page_hash(version.after));
        }
    }
    for (const SizeVersion& version : sizes_) hash.mix(version.bytes * 2 + version.in_doubt);
    return hash.value();
}

void DiskFile::check_invariants() const {
    for (uint64_t page = 0; page < std::max(pages_.count(), durable_pages_.count()); ++page) {
        if (!versions_.contains(page))
            TIMBER_ASSERT(page_hash(pages_.at(page)) == page_hash(durable_pages_.at(page)));  // F1
    }
    for (const auto& [page, versions] : versions_) {
        const auto ordered = std::ranges::is_sorted(versions, {}, &PageVersion::change);
        TIMBER_ASSERT(ordered);  // F2
    }
    TIMBER_ASSERT_OP(pages_.count(), <=, (size_ + kPageBytes - 1) / kPageBytes);  // F3
    if (sizes_.empty()) TIMBER_ASSERT_OP(size_, ==, durable_size_);
    if (!sizes_.empty()) TIMBER_ASSERT_OP(size_, ==, sizes_.back().bytes);
}

}  // namespace timber
