#pragma once
// What all Stores together have applied: each Region's log as the Stores report it, the state that
// replaying it gives, and the rules that must hold between that and what clients are told.
//
// The log is replayed into a plain map here, by reading of commands alone; nothing of the Stores'
// own apply function is used.
//
// Thread:     the world's.
// Invariants: R1  no two Stores apply different entries at an index of a Region.
//             R2  one life of a Store applies a Region's entries in order, without gaps but where a
//                 snapshot takes it further.
//             R3  a write that was acknowledged is in the log at the index and term that the answer
//                 tells.
//             R4  what was surely not done never is in the log; nothing is in it twice.
// Failure:    broken() with what was broken; it does not return.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "src/raftstore/command.h"
#include "tests/sim/check/history.h"

namespace timber::sim {

// Prints what rule is broken and ends the process.
[[noreturn]] void broken(const std::string& what);
// What is being played, for its words.
void set_playing(std::string what);

using Rows = std::map<std::string, std::string>;

// Families share one space of keys: "d", "l" or "w" goes before the key.
std::string row_key(memtable::Family family, std::string_view key);

class ReplicatedLog {
  public:
    // A Store has applied `entry`. `before`: the life's last applied index, 0 if this is its first.
    void applied(raftstore::RegionId region, const raft::Entry& entry, raft::LogIndex before);

    // Clients send the same value several times: R4 cannot be checked.
    void allow_repeats() { repeats_allowed_ = true; }

    // What a client was told. `effects` of one write; values are unique.
    void acknowledged(raftstore::RegionId region, const raftstore::Response& response,
                      const std::vector<Effect>& effects);
    void surely_not_done(const std::vector<Effect>& effects);

    // The state after `index`, which has been applied somewhere.
    Rows state_at(raftstore::RegionId region, raft::LogIndex index) const;
    raft::Term term_at(raftstore::RegionId region, raft::LogIndex index) const;
    raft::LogIndex last(raftstore::RegionId region) const;
    // Where the write with this value is, if it was applied.
    std::optional<uint64_t> index_of(const std::string& value) const;

    // The Region's own state at `index` as one replica has it; all must have the same.
    void region_is(raftstore::RegionId region, raft::LogIndex index, const std::string& encoded);

    uint64_t entries() const { return entries_; }
    uint64_t membership_changes() const { return membership_changes_; }

  private:
    struct Logged {
        raft::Term term{};
        uint64_t fingerprint = 0;
        std::vector<Effect> effects{};
    };
    struct Log {
        std::vector<Logged> entries;  // from kInitialIndex + 1 on
        std::map<size_t, Rows> checkpoints;
        Rows rows;  // after the last entry
        std::map<uint64_t, std::string> regions{};
    };
    void add(raftstore::RegionId region, Log& log, const raft::Entry& entry);
    const Logged& entry_at(raftstore::RegionId region, raft::LogIndex index) const;

    std::map<raftstore::RegionId, Log> logs_;
    std::unordered_map<std::string, uint64_t> indices_;  // of values
    std::unordered_set<std::string> forbidden_;
    bool repeats_allowed_ = false;
    uint64_t entries_ = 0;
    uint64_t membership_changes_ = 0;
};

}  // namespace timber::sim
