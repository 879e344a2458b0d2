#pragma once
// The payloads of recent entries, all Regions together, within a limit of bytes. The oldest go
// first.
//
// Thread:     the loop.
// Invariants: EC1  a Region's cached entries are consecutive.
//             EC2  bytes() <= bytes_max, or one entry is cached.
#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>

#include "raft/raft.h"
#include "src/storage/types.h"

namespace timber::storage {

class EntryCache {
  public:
    explicit EntryCache(size_t bytes_max) : bytes_max_(bytes_max) {}

    // An entry of the log's end: replaces what is cached of the Region at and above it.
    void put(RegionId region, const raft::Entry& entry);
    // Null if it is not there. Good until the next change.
    const raft::Entry* find(RegionId region, raft::LogIndex index) const;
    void cut_from(RegionId region, raft::LogIndex index);
    void drop_to(RegionId region, raft::LogIndex index);
    void forget(RegionId region);

    size_t bytes() const { return bytes_; }
    void check_invariants() const;

  private:
    struct Cached {
        raft::Entry entry;
        uint64_t stamp;  // of its place in `order_`
    };
    using Entries = std::deque<Cached>;
    struct Place {
        RegionId region;
        uint64_t stamp;
    };

    void subtract(const Cached& cached) { bytes_ -= raft::entry_bytes(cached.entry); }
    void evict();

    const size_t bytes_max_;
    size_t bytes_ = 0;
    uint64_t last_stamp_ = 0;
    std::unordered_map<RegionId, Entries> regions_;
    // By age. What was removed otherwise stays in here until its turn comes.
    std::deque<Place> order_;
};

}  // namespace timber::storage
