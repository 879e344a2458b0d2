#pragma once
// One node under test: a RawNode with its disk, its state machine and what is on its way between
// them, each moved by hand or all at once.
//
// The disk does writes in order; the state machine is the list of the commands applied, and what
// it has applied survives a crash.
//
// Thread:     the test's.
// Invariants: the storage holds the writes that were persisted and no others; nothing leaves in
//             the outbox before the write that it waits for is one of them. The core's own
//             invariants are checked whenever its work is taken.
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "raft/memory_storage.h"
#include "raft/raft.h"

namespace timber::raft::test {

// MemoryStorage with the membership as of the applied index, not of the snapshot. While
// `unreadable`, what it holds cannot be read: kBusy.
class TestStorage : public MemoryStorage {
  public:
    using MemoryStorage::MemoryStorage;
    InitialState initial_state() const override { return {hard_state(), conf}; }
    Result<Term> term(LogIndex index) const override;
    Result<std::vector<Entry>> entries(LogIndex low, LogIndex high,
                                       size_t bytes_max) const override;
    ConfState conf;
    bool unreadable = false;
};

// What a node finds on its disk at its first start.
struct Stored {
    std::vector<uint64_t> voters{};
    std::vector<uint64_t> learners{};
    std::vector<uint64_t> log_terms{};  // of the entries behind the base, without payloads
    uint64_t term = 0;                  // at least the last entry's
    uint64_t vote = 0;
    uint64_t commit = 0;
    uint64_t base_index = 0;  // the group was formed as if from a snapshot here
    uint64_t base_term = 0;
};
TestStorage storage_with(const Stored& stored);

class TestNode {
  public:
    TestNode(const Config& config, const Stored& stored);
    TestNode(const TestNode&) = delete;
    TestNode& operator=(const TestNode&) = delete;

    bool up() const { return raft_ != nullptr; }
    RawNode& raft();
    const RawNode& raft() const;
    TestStorage& storage() { return storage_; }
    NodeId id() const { return config_.id; }

    // --- By hand ---

    // Takes one Ready, and keeps its parts: the write, the messages, the entries to apply.
    Ready take_ready();
    // The oldest `count` writes become durable and are reported, and what waited for them leaves.
    void persist(size_t count);
    // The oldest `count` entries handed over are applied.
    void apply(size_t count);
    std::vector<Message> take_outbox();

    // --- At once ---

    // The synchronous driver: persists and applies until there is nothing to do.
    void settle();
    // One event, settled; gives what leaves.
    std::vector<Message> step(Message message);
    std::vector<Message> tick(size_t count = 1);

    // --- Life and log ---

    // Loses what is in memory; the oldest `writes_kept` writes reach the disk, unreported.
    void crash(size_t writes_kept = 0);
    // Another seed for each life, as Config asks.
    void restart();
    // Makes a snapshot of what is applied, and drops the log up to `index`.
    void compact(LogIndex index);

    // --- Observers, in plain numbers ---

    const std::deque<Write>& writes() const { return writes_; }
    const std::deque<OnceDurable>& held() const { return held_; }
    const std::deque<Entry>& to_apply() const { return to_apply_; }
    uint64_t applied() const { return applied_.value(); }
    // The commands applied, with spaces between.
    const std::string& state() const { return state_; }
    // Everything that was ever handed over, including to former lives.
    const std::vector<Entry>& handed_over() const { return handed_over_; }
    const std::vector<ReadReady>& reads() const { return reads_; }
    Role role() const { return raft().role(); }
    uint64_t term() const { return raft().term().value(); }
    uint64_t leader() const { return raft().leader().value(); }
    uint64_t vote() const { return raft().status().hard.vote.value(); }
    uint64_t commit() const { return raft().commit().value(); }
    uint64_t last() const { return raft().status().last_index.value(); }
    std::vector<uint64_t> log_terms() const;
    std::vector<uint64_t> voters() const;
    std::vector<uint64_t> learners() const;
    // Of a leader, about `id`, which must be a member.
    ProgressStatus progress(uint64_t id) const;

  private:
    void start();
    void install(const Snapshot& snapshot);
    void apply_one(const Entry& entry);

    Config config_;
    TestStorage storage_;
    std::unique_ptr<RawNode> raft_;
    std::deque<Write> writes_;
    std::deque<OnceDurable> held_;
    std::deque<Entry> to_apply_;
    std::vector<Message> outbox_;
    LogIndex applied_{};
    std::string state_;
    std::vector<Entry> handed_over_;
    std::vector<ReadReady> reads_;
};

}  // namespace timber::raft::test
