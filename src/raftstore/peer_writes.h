#pragma once
// What one peer wants made durable, from Raft's hands to the disk: writes that wait for a batch,
// those that are on their way, and the messages that wait for them.
//
// The engine may refuse a batch (no room), now or later; what was refused waits again, in order.
// While a snapshot is being installed nothing else of the Region is committed.
//
// Thread:     the loop.
// Invariants: PW1  writes leave in the order of their numbers, and each is in one place.
//             PW2  a message is given out only once the write that it waits for is durable.
#include <deque>
#include <optional>
#include <vector>

#include "raft/raft.h"

namespace timber::raftstore {

class PeerWrites {
  public:
    // From Ready.
    void add(raft::Write write) { waiting_.push_back(std::move(write)); }
    void hold(raft::OnceDurable messages);

    // The writes that may go into the next batch: none while an install, or a refusal, is under
    // way. An install goes alone. With `urgent_only`, those before the first one that needs room.
    struct Offer {
        size_t count = 0;
        bool urgent = true;  // none of them needs room
    };
    Offer offer(size_t bytes_max, bool urgent_only) const;
    const raft::Write& waiting(size_t at) const { return waiting_[at]; }
    bool has_waiting() const { return !waiting_.empty(); }
    bool idle() const { return waiting_.empty() && in_flight_.empty(); }

    // The first `count` are on their way.
    void accepted(size_t count);
    // Those up to `number` are durable: the messages that may go now.
    std::vector<raft::Message> durable(raft::WriteNumber number);
    // Those from `first` to `last` were not written after all: they wait again. Earlier ones may
    // still be on their way, and become durable.
    void refused(raft::WriteNumber first, raft::WriteNumber last);
    // All messages that are held: for a planted mistake.
    std::vector<raft::Message> take_held();

    bool installing() const { return installing_; }
    void check_invariants() const;

  private:
    static bool urgent(const raft::Write& write);

    std::deque<raft::Write> waiting_;
    std::deque<raft::Write> in_flight_;
    std::deque<raft::OnceDurable> held_;
    // Refused, while later ones are still on their way: those will be refused too, and until then
    // nothing goes.
    std::deque<raft::Write> refused_;
    bool installing_ = false;
};

}  // namespace timber::raftstore
