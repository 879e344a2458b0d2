#pragma once
// Writes that a leader has accepted and not proposed yet: while rounds of proposals wait for their
// majority, those that come meanwhile make up the next.
//
// A round costs a write to the log, a message and an answer for each follower, however many entries
// it has. A second round keeps disks and network busy beside the first, once it is at least as
// long: of 64 clients whose writes come in a trickle, the first would otherwise make a round of
// one, the next a round of three, and all others wait for both. A single client's write never waits
// here. What it brings is measured in benches/README.md.
//
// Thread:     the loop.
// Invariants: WG1  the ends of rounds grow.
//             WG2  after take() nothing is held unless the gate is closed, and then little.
#include <deque>
#include <vector>

#include "raft/raft.h"
#include "src/raftstore/command.h"

namespace timber::raftstore {

struct HeldWrite {
    raft::Payload payload{};
    Callback callback{};
    uint64_t since_tick = 0;
};

class WriteGate {
  public:
    ~WriteGate() { TIMBER_ASSERT(held_.empty()); }

    size_t size() const { return held_.size(); }
    void hold(HeldWrite write);
    // What is to be proposed now: all that is held, or nothing. What does not lead (no term) has no
    // rounds, and holds nothing: its proposals are refused. Another term's rounds are over.
    std::vector<HeldWrite> take(std::optional<raft::Term> leads_in, raft::LogIndex committed);
    // So many of those of one take() were proposed, the last at this index.
    void proposed(raft::LogIndex last, size_t writes);
    std::vector<HeldWrite> take_all();
    // All, if the first waits since before that tick: no majority lets a round end.
    std::vector<HeldWrite> take_expired(uint64_t before_tick);

    void check_invariants() const;

  private:
    struct Round {
        raft::LogIndex last;
        size_t writes = 0;
    };

    static constexpr size_t kRoundsMax = 2;
    // A round is long enough then, and goes whatever else is under way.
    static constexpr size_t kRoundWrites = 512;
    static constexpr size_t kRoundBytes = 256 << 10;

    bool open() const;

    std::optional<raft::Term> term_;
    std::deque<Round> rounds_;  // not committed
    std::vector<HeldWrite> held_;
    size_t held_bytes_ = 0;
};

}  // namespace timber::raftstore
