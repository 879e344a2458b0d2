#pragma once
// What must hold of the whole cluster, whoever crashed and whatever was lost.
//
// It sees everything: every entry that is written or sent, every commit, every leader, every
// entry applied, every client's operation. A breach ends the run with a line that says which rule
// was broken.
//
// Invariants of the cluster:
//   C1  a term has one leader.
//   C2  an index and a term name one entry, and one entry before it (log matching).
//   C3  a leader's log is only ever appended to by itself.
//   C4  what is committed at an index is the same everywhere and for ever (state machine safety).
//   C5  a leader holds everything that was committed in earlier terms (leader completeness).
//   C6  what a node promises in a message is on its disk when the message leaves.
//   C7  what a node believes durable is on its disk, and no write on its way takes it back.
//   C8  what a leader commits is on the disks of a majority, and the last of it is of its term.
//   C9  terms, votes of a term, commit and applied index never go back within a life.
//   C10 a leader's match of a follower never goes back.
//   C11 votes and pre-votes are granted only to logs that are as up to date.
//   C12 reads and writes are linearizable.
//   C13 a proposal said to be overwritten is not committed; proposals and reads that were accepted
//       end, once, and the end of a leadership is told.
//   C14 the membership that a node counts by is that of the last change it applied, or of the
//       snapshot that it is installing.
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "raft/raft.h"

namespace timber::raft::sim {

// Ends the process: prints the rule and what happened.
[[noreturn]] void broken(const char* rule, const std::string& what);

inline std::string text(auto id) { return std::to_string(id.value()); }

class Oracle {
  public:
    void set_start(LogIndex index, Term term, const ConfState& conf);

    // C1, C5: `node` leads `term` from now on.
    void leader(NodeId node, Term term, const RawNode& raft);
    // C2: the entry exists in a log, after `previous_term`.
    void entry(const Entry& entry, Term previous_term);
    // C4: the node knows that everything up to its commit index is committed.
    void committed(NodeId node, LogIndex from, LogIndex to, const RawNode& raft);
    // C4: the node applies the entry. Gives the state's fingerprint after it.
    uint64_t applied(NodeId node, const Entry& entry);
    // C14: a change was applied somewhere.
    void changed(LogIndex index, const ConfChange& change);
    void check_members(NodeId node, LogIndex index, const ConfState& conf) const;
    // The fingerprint of the state after `index`, which was applied somewhere.
    uint64_t state_at(LogIndex index) const;
    // The term that is committed at an index; nothing if it is not known to be.
    std::optional<Term> committed_term(LogIndex index) const;
    LogIndex committed_max() const { return committed_max_; }

    // C12. An operation gives floor() when it starts and its position when it ends; a write's is
    // its index, a read's the last write it can see.
    LogIndex floor() const { return completed_max_; }
    void write_done(LogIndex index, LogIndex floor_at_start);
    void read_done(LogIndex applied, LogIndex floor_at_start, const char* how);

  private:
    struct EntryFacts {
        uint64_t content;
        Term previous_term;
    };
    struct CommittedFacts {
        Term term;
        Term known_in_term;  // the term of the node that knew first
    };

    using Members = std::map<NodeId, bool>;  // whether it has a vote
    std::map<LogIndex, Members> members_;    // from that index on
    std::map<Term, NodeId> leaders_;
    std::unordered_map<uint64_t, EntryFacts> entries_;
    std::vector<CommittedFacts> committed_;  // by index
    std::vector<uint64_t> states_;           // by index
    std::vector<LogIndex> last_write_;       // by index
    LogIndex start_{};
    LogIndex committed_max_{};
    LogIndex completed_max_{};
};

uint64_t fingerprint(uint64_t seed, uint64_t value);
uint64_t fingerprint(const Entry& entry);

}  // namespace timber::raft::sim
