#pragma once
// The callbacks of what a peer has proposed, until it is known what became of it.
//
// A proposal is its index AND its term: another leader's entry at the same index is another
// command. After its leader lost its place a proposal is kept a while, because most such entries
// are soon either committed or overwritten, and "surely not done" is worth more to a client than
// "unknown".
//
// Thread:     the loop.
// Invariants: PR1  a callback leaves this class once: by one of the take functions.
//             PR2  proposals of the present leadership are in the order of their indices.
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "raft/raft.h"
#include "src/raftstore/command.h"

namespace timber::raftstore {

struct Proposal {
    raft::LogIndex index{};
    raft::Term term{};
    Callback callback{};
    uint64_t since_tick = 0;
};

class Proposals {
  public:
    ~Proposals() { TIMBER_ASSERT(size() == 0); }

    size_t size() const { return present_.size() + lost_.size(); }
    void add(Proposal proposal);

    // Leadership of the term is over: its proposals from `notice.first` on wait apart, from now.
    void leadership_lost(const raft::ProposalNotice& notice, uint64_t now_tick);

    // The proposal of an entry that was applied, if it is one.
    std::optional<Proposal> take(raft::LogIndex index, raft::Term term);
    std::vector<Proposal> take_range(const raft::ProposalNotice& notice);
    // Everything up to `index`: a snapshot came instead.
    std::vector<Proposal> take_up_to(raft::LogIndex index);
    // Proposals that wait since `lost_before_tick` and whose leadership is over, and all that wait
    // since `all_before_tick`.
    std::vector<Proposal> take_expired(uint64_t lost_before_tick, uint64_t all_before_tick);
    std::vector<Proposal> take_all();

    void check_invariants() const;

  private:
    using Place = std::pair<raft::LogIndex, raft::Term>;

    std::deque<Proposal> present_;
    std::map<Place, Proposal> lost_;
};

}  // namespace timber::raftstore
