// The checker of N1 to N14 (raft.h). It looks at one moment; what must hold between two moments
// (the term never goes down, a vote stays, a commit stays) is asserted where they change, and
// checked from outside by the simulator.
#include <algorithm>

#include "raft/core.h"
#include "raft/membership.h"
#include "src/base/mistake.h"

namespace timber::raft {

void Core::check_invariants() const {
    log_.check_invariants();                         // N2, N3, N4, N5, N13
    TIMBER_ASSERT_OP(log_.last_term(), <=, term_);   // N5
    TIMBER_ASSERT_OP(issued_hard_.term, <=, term_);  // N1
    TIMBER_ASSERT_OP(issued_hard_.commit, <=, log_.last_index());
    TIMBER_ASSERT(well_formed(conf_));                                             // N11
    TIMBER_ASSERT_OP(persisted_, <=, last_write_);                                 // N13
    TIMBER_ASSERT_OP(last_write_ - persisted_, <=, config_.writes_in_flight_max);  // N12
    TIMBER_ASSERT_OP(leader_reads_.size(), <=, config_.reads_max);                 // N12
    TIMBER_ASSERT_OP(forwarded_reads_.size(), <=, config_.reads_max);              // N12
    for (const OwnProposals& own : own_proposals_) TIMBER_ASSERT_OP(own.first, <=, own.last);
    if (role_ == Role::kLeader) {
        TIMBER_ASSERT_OP(leader_, ==, config_.id);  // N9
        TIMBER_ASSERT_OP(vote_, ==, config_.id);
        TIMBER_ASSERT_OP(log_.last_term(), ==, term_);  // N6
        if (const Progress* own = find_progress(config_.id)) {
            if (!TIMBER_MISTAKE(raft_own_match_before_durable)) {
                TIMBER_ASSERT_OP(own->match, ==, log_.durable());  // N6
            }
        }
        for (const Progress& progress : progress_) {
            progress.check_invariants();  // N7
            TIMBER_ASSERT_OP(progress.match, <=, log_.last_index());
            TIMBER_ASSERT_OP(progress.learner, !=, conf_.has_voter(progress.id));
        }
        if (!committed_own_term() && !TIMBER_MISTAKE(raft_old_term_committed_by_count)) {
            TIMBER_ASSERT_OP(log_.committed(), ==, commit_at_start_);  // N8
        }
        if (lease_forfeited_) TIMBER_ASSERT(!lease_start_);  // N14
        return;
    }
    TIMBER_ASSERT(leader_ != config_.id);  // N9
    TIMBER_ASSERT(progress_.empty());
    TIMBER_ASSERT(leader_reads_.empty());
    TIMBER_ASSERT(!lease_start_);
    TIMBER_ASSERT(transferee_ == kNobody);
    if (role_ == Role::kCandidate) TIMBER_ASSERT_OP(vote_, ==, config_.id);  // N10
    const bool own_vote = own_vote_ != OwnVote::kNone;
    TIMBER_ASSERT_OP(own_vote, ==, role_ == Role::kCandidate);  // N10
}

}  // namespace timber::raft
