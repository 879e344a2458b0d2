#pragma once
// What the storage engine owes its owner, in plain containers: after a death, the commits up to
// some one, whole, that one being no earlier than the last that was acknowledged; and of each
// Region the effects of its entries up to its applied index, byte for byte.
//
// A value: the explorer copies it together with the disk at the moment of a death.
//
// Thread:     one.
// Failure:    a Status with kCorrupted says which promise the engine broke.
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "src/storage/storage_engine.h"

namespace timber::storage {

using Rows = std::map<std::string, std::string, std::less<>>;
inline constexpr size_t kDataFamilies = 3;
using DataRows = std::array<Rows, kDataFamilies>;

// A Region's state at one applied index.
struct RegionContents {
    AppliedState state;
    DataRows rows;

    void apply(RegionId region, const raft::Entry& entry);
};

// What one commit does to one Region.
struct ModelChange {
    std::optional<AppliedState> create;
    std::shared_ptr<const RegionContents> install;
    std::vector<raft::Entry> entries;
    std::optional<raft::HardState> hard_state;
    std::optional<std::string> tombstone;
    raft::LogIndex applied;  // as of the commit
};

struct ModelCommit {
    uint64_t number = 0;
    std::map<RegionId, ModelChange> regions;
    std::map<uint64_t, std::optional<std::string>> locals;
};

// A Region after some number of commits.
struct RegionHistory {
    bool alive = false;
    uint64_t changes = 0;
    std::string tombstone;
    raft::HardState hard_state;
    raft::LogIndex last_index;
    raft::Term last_term;
    // Behind what was truncated as of `base`, at least.
    std::map<raft::LogIndex, raft::Entry> entries;
    // As of the last change by value, or of some index that the log has said is applied.
    std::shared_ptr<const RegionContents> base;
    raft::LogIndex applied_logged;

    void change(RegionId region, const ModelChange& change);
    RegionContents contents(RegionId region, raft::LogIndex applied) const;
    std::optional<raft::Term> term(raft::LogIndex index) const;

  private:
    void move_base(RegionId region);
};

struct History {
    std::map<RegionId, RegionHistory> regions;
    std::map<uint64_t, std::string> locals;

    void add(const ModelCommit& commit);
};

// What an opening shows.
struct RecoveredEngine {
    std::map<RegionId, RegionSummary> regions;
    std::map<RegionId, std::map<raft::LogIndex, raft::Term>> terms;
    std::map<uint64_t, std::string> locals;
    DataRows rows;
};

class EngineModel {
  public:
    void accepted(ModelCommit commit);
    // In any order; everything before it is durable too.
    Status acknowledged(uint64_t number);
    // And with it all later ones that build on it: of its Regions, and of theirs.
    Status refused(uint64_t number);
    void applied(RegionId region, raft::LogIndex index);
    void opened() { ever_opened_ = true; }

    bool ever_opened() const { return ever_opened_; }
    // With everything accepted; and what is surely there.
    const History& latest() const { return latest_; }
    const History& sure() const { return sure_; }
    bool pending(RegionId region) const;
    uint64_t next_number() { return ++last_number_; }

    // Compares what an opening showed with what is owed, and goes on from there.
    Status recovered(const RecoveredEngine& engine);
    // The same while the engine runs, and everything was answered.
    Status holds_now(const RecoveredEngine& engine) const { return compare(sure_, engine); }

  private:
    struct Applied {
        uint64_t changes = 0;
        raft::LogIndex index;
    };

    Status compare(const History& history, const RecoveredEngine& engine) const;
    Status compare_region(RegionId id, const RegionHistory& history, const RecoveredEngine& engine,
                          DataRows& rows) const;

    bool ever_opened_ = false;
    uint64_t last_number_ = 0;
    History sure_;
    History latest_;
    std::vector<std::shared_ptr<const ModelCommit>> pending_;  // behind sure_, in their order
    std::set<uint64_t> doomed_;                                // refused, and not told yet
    std::map<RegionId, Applied> applied_;                      // in memory
};

}  // namespace timber::storage
