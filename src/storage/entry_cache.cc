#include "src/storage/entry_cache.h"

#include "src/base/assert.h"

namespace timber::storage {

void EntryCache::put(RegionId region, const raft::Entry& entry) {
    Entries& entries = regions_[region];
    while (!entries.empty() && entries.back().entry.index >= entry.index) {
        subtract(entries.back());
        entries.pop_back();
    }
    if (!entries.empty() && entries.back().entry.index + 1 != entry.index) {
        for (const Cached& cached : entries) subtract(cached);
        entries.clear();
    }
    entries.push_back({entry, ++last_stamp_});
    order_.push_back({region, last_stamp_});
    bytes_ += raft::entry_bytes(entry);
    evict();
}

void EntryCache::evict() {
    // More places than entries: those of removed entries must not pile up behind one that stays.
    while (order_.size() > 1 && bytes_ > bytes_max_) {
        const Place oldest = order_.front();
        order_.pop_front();
        const auto place = regions_.find(oldest.region);
        if (place == regions_.end() || place->second.empty()) continue;
        Entries& entries = place->second;
        // Stamps grow with the index, so the Region's oldest entry is its first.
        if (entries.front().stamp != oldest.stamp) continue;
        subtract(entries.front());
        entries.pop_front();
        if (entries.empty()) regions_.erase(place);
    }
}

const raft::Entry* EntryCache::find(RegionId region, raft::LogIndex index) const {
    const auto place = regions_.find(region);
    if (place == regions_.end() || place->second.empty()) return nullptr;
    const Entries& entries = place->second;
    const raft::LogIndex first = entries.front().entry.index;
    if (index < first || index - first >= entries.size()) return nullptr;
    return &entries[index - first].entry;
}

void EntryCache::cut_from(RegionId region, raft::LogIndex index) {
    const auto place = regions_.find(region);
    if (place == regions_.end()) return;
    Entries& entries = place->second;
    while (!entries.empty() && entries.back().entry.index >= index) {
        subtract(entries.back());
        entries.pop_back();
    }
    if (entries.empty()) regions_.erase(place);
}

void EntryCache::drop_to(RegionId region, raft::LogIndex index) {
    const auto place = regions_.find(region);
    if (place == regions_.end()) return;
    Entries& entries = place->second;
    while (!entries.empty() && entries.front().entry.index <= index) {
        subtract(entries.front());
        entries.pop_front();
    }
    if (entries.empty()) regions_.erase(place);
    // With a cache that never fills up, nothing else would take the dead places out.
    while (!order_.empty()) {
        const Place oldest = order_.front();
        const auto held = regions_.find(oldest.region);
        if (held != regions_.end() && held->second.front().stamp <= oldest.stamp) break;
        order_.pop_front();
    }
}

void EntryCache::forget(RegionId region) { drop_to(region, raft::kLogIndexMax); }

void EntryCache::check_invariants() const {
    size_t bytes = 0;
    size_t entries = 0;
    for (const auto& [region, cached] : regions_) {
        TIMBER_ASSERT(!cached.empty());
        raft::LogIndex expected = cached.front().entry.index;
        for (const Cached& each : cached) {
            TIMBER_ASSERT_OP(each.entry.index, ==, expected);  // EC1
            ++expected;
            bytes += raft::entry_bytes(each.entry);
            ++entries;
        }
    }
    TIMBER_ASSERT_OP(bytes, ==, bytes_);
    if (entries > 1) TIMBER_ASSERT_OP(bytes_, <=, bytes_max_);  // EC2
}

}  // namespace timber::storage
