#pragma once
// Reads of one peer on their way: those that wait for the leader's place to be confirmed, and those
// that wait until the state has applied the index at which they may be served.
//
// All reads that were asked in one turn share one request to the Raft core, and the core lets all
// requests that wait share one round of heartbeats.
//
// Thread:     the loop.
// Invariants: RD1  a read leaves this class once: served, or given up.
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "raft/raft.h"
#include "src/raftstore/command.h"

namespace timber::raftstore {

using ReadRequest = std::variant<GetRequest, ScanRequest, SnapRequest>;

struct Read {
    ReadRequest request;
    Callback callback;
    // Served under a lease, which must still hold afterwards.
    std::optional<raft::LeaseRead> lease{};
};

class Reads {
  public:
    ~Reads() { TIMBER_ASSERT(size() == 0); }

    size_t size() const { return size_; }
    bool has_new() const { return !new_.empty(); }

    void add(Read read);
    // The new ones belong to this question now.
    void asked(raft::ReadId id);
    void ready(raft::ReadId id, raft::LogIndex index);
    void wait_for(raft::LogIndex index, Read read);

    std::vector<Read> take_new();
    std::vector<Read> take_dropped(raft::ReadId id);
    // Those that a state that has applied `applied` may serve.
    std::vector<Read> take_served(raft::LogIndex applied);
    std::vector<Read> take_all();

  private:
    std::vector<Read> counted_out(std::vector<Read> reads);

    std::vector<Read> new_;
    std::map<raft::ReadId, std::vector<Read>> asked_;
    std::multimap<raft::LogIndex, std::vector<Read>> waiting_;
    size_t size_ = 0;
};

}  // namespace timber::raftstore
