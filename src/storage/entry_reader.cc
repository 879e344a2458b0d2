#include "src/storage/entry_reader.h"

#include <algorithm>
#include <utility>

namespace timber::storage {

static Error outside(RegionId region, raft::LogIndex index) {
    return make_error(ErrorCode::kNotFound, "Region " + std::to_string(region.value()) +
                                                " has no entry " + std::to_string(index.value()));
}

Result<raft::Term> EntryReader::term(RegionId id, raft::LogIndex index) const {
    const auto place = parts_.regions.find(id);
    if (place == parts_.regions.end()) return outside(id, index);
    const Region& region = place->second;
    if (index == region.state.truncated.index) return region.state.truncated.term;
    if (index < region.state.truncated.index || !region.entries.holds(index))
        return outside(id, index);
    return region.entries.at(index).term;
}

// ER2: the same index and term is the same entry.
const raft::Entry* EntryReader::in_memory(const Region& region, raft::LogIndex index) const {
    const raft::Term term = region.entries.at(index).term;
    const raft::Entry* entry = parts_.cache.find(region.id, index);
    if (entry != nullptr) {
        TIMBER_ASSERT_OP(entry->term, ==, term);
        return entry;
    }
    const auto place = fetches_.find(region.id);
    if (place == fetches_.end() || place->second.reading || !place->second.entries.ok() ||
        place->second.change != region.log.change)
        return nullptr;
    const std::vector<raft::Entry>& read = *place->second.entries;
    const raft::LogIndex low = place->second.low;
    if (index < low || index - low >= read.size()) return nullptr;
    const raft::Entry& found = read[index - low];
    return found.term == term ? &found : nullptr;
}

Result<std::vector<raft::Entry>> EntryReader::entries(RegionId id, raft::LogIndex low,
                                                      raft::LogIndex high, size_t bytes_max) {
    const auto place = parts_.regions.find(id);
    if (place == parts_.regions.end()) return outside(id, low);
    const Region& region = place->second;
    std::vector<raft::Entry> entries;
    if (low >= high) return entries;
    if (low <= region.state.truncated.index || !region.entries.holds(low)) return outside(id, low);
    if (!region.entries.holds(high - 1)) return outside(id, high - 1);
    size_t bytes = 0;
    for (raft::LogIndex index = low; index < high; ++index) {
        const raft::Entry* entry = in_memory(region, index);
        if (entry == nullptr) break;
        bytes += raft::entry_bytes(*entry);
        if (!entries.empty() && bytes > bytes_max) break;
        entries.push_back(*entry);
    }
    const auto fetch = fetches_.find(id);
    if (!entries.empty()) {
        // Given out to its end: nobody asks for that again soon.
        if (fetch != fetches_.end() && !fetch->second.reading && fetch->second.entries.ok() &&
            low + entries.size() >= fetch->second.low + fetch->second.entries->size())
            forget(id);
        return entries;
    }
    if (fetch != fetches_.end() && !fetch->second.reading) {
        Result<std::vector<raft::Entry>> read = std::move(fetch->second.entries);
        forget(id);
        if (!read.ok()) return std::move(read).error();
    }
    start(region, low, high, bytes_max);
    return make_error(ErrorCode::kBusy, "the entries are being read");
}

void EntryReader::start(const Region& region, raft::LogIndex low, raft::LogIndex high,
                        size_t bytes_max) {
    if (fetches_.contains(region.id)) return;  // ER1
    if (reading_ >= kReadsMax || parts_.closing) {
        if (std::ranges::find(turned_away_, region.id) == turned_away_.end())
            turned_away_.push_back(region.id);
        return;
    }
    std::vector<Wanted> wanted;
    size_t bytes = 0;
    for (raft::LogIndex index = low; index < high && wanted.size() < kReadEntriesMax; ++index) {
        if (parts_.cache.find(region.id, index) != nullptr) break;
        const logengine::RecordLocation& location = region.entries.at(index).location;
        bytes += location.record_bytes;
        if (!wanted.empty() && bytes > std::min(bytes_max, kReadBytesMax)) break;
        wanted.push_back({index, location});
    }
    fetches_[region.id] =
        Fetch{.change = region.log.change, .low = low, .order = ++last_order_};
    ++reading_;
    parts_.environment.executor.run(
        "read entries", [this, id = region.id, wanted = std::move(wanted)] {
            auto entries = read(*parts_.log, wanted);
            parts_.environment.loop.post([this, id, entries = std::move(entries)]() mutable {
                read_ended(id, std::move(entries));
            });
        });
}

Result<raft::Entry> read_entry(logengine::LogEngine& log, raft::LogIndex index,
                               const logengine::RecordLocation& location) {
    TIMBER_TRY(const logengine::LogEngine::StoredRecord stored, log.read(location));
    TIMBER_TRY(const DecodedEntry entry, decode_entry(stored.record.payload));
    if (stored.record.type != kEntryRecord || stored.record.tag.low != index.value())
        return make_error(ErrorCode::kCorrupted, "another record lies in the place of an entry");
    return raft::Entry{entry.term, index, entry.type, raft::Payload::copy_of(entry.payload)};
}

Result<std::vector<raft::Entry>> EntryReader::read(logengine::LogEngine& log,
                                                   const std::vector<Wanted>& wanted) {
    std::vector<raft::Entry> entries;
    for (const Wanted& each : wanted) {
        TIMBER_TRY(raft::Entry entry, read_entry(log, each.index, each.location));
        entries.push_back(std::move(entry));
    }
    return entries;
}

void EntryReader::read_ended(RegionId id, Result<std::vector<raft::Entry>> entries) {
    --reading_;
    const auto place = fetches_.find(id);
    TIMBER_ASSERT(place != fetches_.end() && place->second.reading);
    // The records were rewritten, or are not needed any more: whoever still wants them asks anew.
    if (!entries.ok() && entries.error().code == ErrorCode::kNotFound) {
        fetches_.erase(place);
    } else {
        place->second.reading = false;
        if (entries.ok()) {
            for (const raft::Entry& entry : *entries)
                place->second.bytes += raft::entry_bytes(entry);
            parts_.entries_read += entries->size();
        }
        fetched_bytes_ += place->second.bytes;
        place->second.entries = std::move(entries);
        let_go_of_oldest();
    }
    if (!parts_.closing) {
        std::vector<RegionId> regions = std::exchange(turned_away_, {});
        regions.push_back(id);
        for (const RegionId region : regions) parts_.listener.entries_ready(region);
    }
    changed_();
}

void EntryReader::let_go_of_oldest() {
    while (fetched_bytes_ > std::max(parts_.options.entry_cache_bytes / 2, kReadBytesMax)) {
        const Fetch* oldest = nullptr;
        RegionId region;
        for (const auto& [id, fetch] : fetches_) {
            if (fetch.reading || (oldest != nullptr && oldest->order < fetch.order)) continue;
            oldest = &fetch;
            region = id;
        }
        if (oldest == nullptr || oldest->order == last_order_) return;
        forget(region);
    }
}

void EntryReader::forget(RegionId region) {
    const auto place = fetches_.find(region);
    TIMBER_ASSERT(place != fetches_.end() && !place->second.reading);
    fetched_bytes_ -= place->second.bytes;
    fetches_.erase(place);
}

}  // namespace timber::storage
