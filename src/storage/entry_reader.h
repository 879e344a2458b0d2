#pragma once
// Entries of the Raft log: from memory, or, where the cache has let go of them, read back from the
// log by a job. What was read is kept until it is asked for again.
//
// Thread:     the loop.
// Lifetime:   `parts` outlives it; idle() when it is destroyed.
// Invariants: ER1  one read a Region is under way, and at most kReadsMax in all.
//             ER2  what is given out has the term that the Region's log has there.
#include <functional>
#include <map>
#include <vector>

#include "src/storage/engine_parts.h"

namespace timber::storage {

class EntryReader {
  public:
    EntryReader(EngineParts& parts, std::function<void()> changed)
        : parts_(parts), changed_(std::move(changed)) {}
    ~EntryReader() { TIMBER_ASSERT(idle()); }

    Result<raft::Term> term(RegionId region, raft::LogIndex index) const;
    Result<std::vector<raft::Entry>> entries(RegionId region, raft::LogIndex low,
                                             raft::LogIndex high, size_t bytes_max);
    bool idle() const { return reading_ == 0; }

  private:
    static constexpr size_t kReadsMax = 8;
    static constexpr size_t kReadBytesMax = 4_MiB;
    static constexpr size_t kReadEntriesMax = 4096;

    struct Wanted {
        raft::LogIndex index;
        logengine::RecordLocation location;
    };
    struct Fetch {
        bool reading = true;
        ChangeNumber change;  // of the Region then: in another life the same term is another's
        raft::LogIndex low;
        Result<std::vector<raft::Entry>> entries = std::vector<raft::Entry>();
        size_t bytes = 0;
        uint64_t order = 0;
    };

    const raft::Entry* in_memory(const Region& region, raft::LogIndex index) const;
    void start(const Region& region, raft::LogIndex low, raft::LogIndex high, size_t bytes_max);
    static Result<std::vector<raft::Entry>> read(logengine::LogEngine& log,
                                                 const std::vector<Wanted>& wanted);
    void read_ended(RegionId region, Result<std::vector<raft::Entry>> entries);
    void let_go_of_oldest();
    void forget(RegionId region);

    EngineParts& parts_;
    const std::function<void()> changed_;
    std::map<RegionId, Fetch> fetches_;
    size_t reading_ = 0;
    size_t fetched_bytes_ = 0;
    uint64_t last_order_ = 0;
    // Regions that found too many reads under way.
    std::vector<RegionId> turned_away_;
};

// One entry, read back; for jobs.
Result<raft::Entry> read_entry(logengine::LogEngine& log, raft::LogIndex index,
                               const logengine::RecordLocation& location);

}  // namespace timber::storage
