#pragma once
// How the core reads the log that its driver keeps.
//
// The core never writes: it gives out a Write (ready.h), and reads what became of it after
// RawNode::persisted(). Until then it answers from memory.
//
// Thread:     called on the node's thread, inside RawNode's calls.
// Lifetime:   outlives the node.
// Invariants: S1  first_index() <= last_index() + 1.
//             S2  term(first_index() - 1) is known: it is the snapshot's or the compacted entry's.
//             S3  once RawNode::persisted(n) was called, everything up to write n is readable here,
//                 except what later writes have replaced; those may or may not show yet.
//             S4  nothing above the applied index is compacted.
// Failure:    an Error from entries() or term() within [first_index, last_index] is the driver's to
//             report: the core treats it as "not now", never acts on a guess, and asks again after
//             the next tick or heartbeat, or at RawNode::storage_ready().
#include "raft/types.h"

namespace timber::raft {

struct InitialState {
    HardState hard_state;
    // The membership as of the applied index.
    ConfState conf_state;
};

class Storage {
  public:
    virtual ~Storage() = default;

    virtual InitialState initial_state() const = 0;
    virtual LogIndex first_index() const = 0;
    virtual LogIndex last_index() const = 0;
    // For [first_index() - 1, last_index()].
    virtual Result<Term> term(LogIndex index) const = 0;
    // Entries [low, high), as many as fit into `bytes_max` by entry_bytes(), but at least one.
    // kNotFound below first_index() and above last_index().
    virtual Result<std::vector<Entry>> entries(LogIndex low, LogIndex high,
                                               size_t bytes_max) const = 0;
    // The newest snapshot; it reaches to first_index() - 1 at least, or is not there yet. kBusy
    // while it is being made: the core asks again later.
    virtual Result<SnapshotPointer> snapshot() const = 0;
};

}  // namespace timber::raft
