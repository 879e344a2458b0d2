// The way out: one Ready with everything there is to do.
#include <algorithm>

#include "raft/core.h"
#include "src/base/mistake.h"

namespace timber::raft {

bool Core::needs_write() const {
    return log_.has_unissued() || issued_hard_.term != term_ || issued_hard_.vote != vote_;
}

bool Core::can_write() const { return last_write_ - persisted_ < config_.writes_in_flight_max; }

bool Core::has_ready() const {
    if (reported_soft_ != SoftState{role_, leader_}) return true;
    if (!messages_.empty() || appends_due_ || round_due()) return true;
    if (!reads_out_.empty() || !reads_dropped_out_.empty() || !notices_out_.empty()) return true;
    if (!forwarded_reads_.empty() && forwarded_reads_.back().batch == 0) return true;
    if (needs_write() ? can_write() : !gated_.empty()) return true;
    return log_.can_hand_over();
}

Ready Core::ready() {
    Ready out;
    flush_appends();
    flush_reads();
    const SoftState soft{role_, leader_};
    if (soft != reported_soft_) out.soft_state = reported_soft_ = soft;
    if (needs_write() && can_write()) take_write(out);
    take_gated(out);
    out.messages = std::exchange(messages_, {});
    take_committed(out);
    out.reads = std::exchange(reads_out_, {});
    out.reads_dropped = std::exchange(reads_dropped_out_, {});
    out.proposals = std::exchange(notices_out_, {});
    return out;
}

void Core::take_write(Ready& out) {
    TIMBER_ASSERT(needs_write());
    Write& write = out.write.emplace();
    write.number = ++last_write_;
    log_.issue(write, config_.write_bytes_max);
    // Never ahead of the entries that are written with it or before it.
    const HardState hard{term_, vote_, std::min(log_.committed(), log_.issued())};
    if (hard.term != issued_hard_.term || hard.vote != issued_hard_.vote) {
        hard_write_ = write.number;
    }
    if (hard != issued_hard_) {
        write.hard_state = issued_hard_ = hard;
        if (TIMBER_MISTAKE(raft_vote_forgotten)) write.hard_state->vote = kNobody;
    }
    if (own_vote_ == OwnVote::kUnissued) {
        TIMBER_ASSERT_OP(vote_, ==, config_.id);
        own_vote_ = OwnVote::kIssued;
        own_vote_write_ = write.number;
    }
}

// Messages that wait go along with the newest write given out: it and those before it hold all
// that they promise. While a write cannot be given out yet, they wait here.
void Core::take_gated(Ready& out) {
    if (gated_.empty() || needs_write()) return;
    if (last_write_ <= persisted_) {
        for (Message& message : gated_) messages_.push_back(std::move(message));
        gated_.clear();
        return;
    }
    out.once_durable = {last_write_, std::exchange(gated_, {})};
}

void Core::take_committed(Ready& out) {
    out.committed = log_.hand_over();
    if (out.committed.empty()) return;
    resolve_own_proposals(out.committed);
    if (role_ != Role::kLeader) return;
    for (const Entry& entry : out.committed) {
        // Entries of earlier leaders, and the one that opened the term, were never counted.
        if (entry.term != term_ || entry.index == first_own_index_) continue;
        const size_t bytes = entry_bytes(entry);
        if (!TIMBER_MISTAKE(raft_change_handed_over_twice)) {
            TIMBER_ASSERT_OP(uncommitted_bytes_, >=, bytes);
        }
        uncommitted_bytes_ -= std::min(uncommitted_bytes_, bytes);
    }
}

void Core::resolve_own_proposals(std::span<const Entry> handed_over) {
    const LogIndex first = handed_over.front().index;
    const LogIndex last = handed_over.back().index;
    for (OwnProposals& own : own_proposals_) {
        if (own.first > last) continue;
        if (own.first < first) {
            const bool handed_over_twice = TIMBER_MISTAKE(raft_change_handed_over_twice);
            TIMBER_ASSERT(handed_over_twice);
            continue;
        }
        const LogIndex end = std::min(own.last, last);
        const auto term_of = [&](LogIndex index) { return handed_over[index - first].term; };
        if (term_of(end) != own.term) {
            // Its places went to other entries, from some point on; and what would have come
            // behind that point can never commit, because logs that share an entry share all
            // before it.
            LogIndex lost = own.first;
            while (term_of(lost) == own.term) ++lost;
            if (!TIMBER_MISTAKE(raft_proposal_fate_untold)) {
                notices_out_.push_back({own.term, lost, own.last, ProposalFate::kOverwritten});
            }
            own.first = own.last + 1;
        } else {
            own.first = end + 1;
        }
    }
    std::erase_if(own_proposals_, [&](const OwnProposals& own) { return own.first > own.last; });
}

// A snapshot comes instead of the entries up to `snapshot_index`; what they were is never told.
void Core::pass_own_proposals(LogIndex snapshot_index) {
    for (OwnProposals& own : own_proposals_) {
        if (own.first > snapshot_index) continue;
        const LogIndex end = std::min(own.last, snapshot_index);
        notices_out_.push_back({own.term, own.first, end, ProposalFate::kPassedBySnapshot});
        own.first = end + 1;
    }
    std::erase_if(own_proposals_, [](const OwnProposals& own) { return own.first > own.last; });
}

void Core::report_leadership_lost() {
    if (own_proposals_.empty()) return;
    const OwnProposals& own = own_proposals_.back();
    if (own.term != term_) return;
    TIMBER_ASSERT_OP(own.first, <=, own.last);
    notices_out_.push_back({own.term, own.first, own.last, ProposalFate::kLeadershipLost});
}

}  // namespace timber::raft
