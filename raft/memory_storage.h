#pragma once
// A Storage in memory, for tests, benches and examples.
//
// apply() does what a driver does with a Write; what a crash may take is the test's affair.
//
// Thread:     the node's.
// Invariants: M1  entries are contiguous and follow on the snapshot's index.
#include <deque>
#include <span>

#include "raft/ready.h"
#include "raft/storage.h"

namespace timber::raft {

class MemoryStorage : public Storage {
  public:
    MemoryStorage() = default;
    // A group formed with these members, as if from a snapshot at `index` and `term`.
    explicit MemoryStorage(ConfState conf_state, LogIndex index = {}, Term term = {});

    // Installs the snapshot, replaces entries, stores the hard state.
    void apply(const Write& write);
    void set_hard_state(const HardState& state) { hard_state_ = state; }
    // The membership as of what the driver has applied; a snapshot that is installed sets it too.
    void set_conf_state(ConfState state) { conf_state_ = std::move(state); }
    void append(std::span<const Entry> entries);
    void install(const Snapshot& snapshot);
    // Makes a snapshot at `index`, which stays readable as an entry until compact().
    void make_snapshot(LogIndex index, const ConfState& conf_state, Payload data);
    // Drops the entries up to `index`, which the snapshot must cover.
    void compact(LogIndex index);
    // While set, snapshot() answers kBusy.
    void set_snapshot_busy(bool busy) { snapshot_busy_ = busy; }

    const HardState& hard_state() const { return hard_state_; }
    const Snapshot& latest_snapshot() const { return *snapshot_; }

    InitialState initial_state() const override;
    LogIndex first_index() const override { return LogIndex(base_index_.value() + 1); }
    LogIndex last_index() const override { return base_index_ + entries_.size(); }
    Result<Term> term(LogIndex index) const override;
    Result<std::vector<Entry>> entries(LogIndex low, LogIndex high,
                                       size_t bytes_max) const override;
    Result<SnapshotPointer> snapshot() const override;

  private:
    HardState hard_state_;
    ConfState conf_state_;
    SnapshotPointer snapshot_ = std::make_shared<Snapshot>();
    LogIndex base_index_{};  // the entry before the first
    Term base_term_{};
    std::deque<Entry> entries_;
    bool snapshot_busy_ = false;
};

}  // namespace timber::raft
