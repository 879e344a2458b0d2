// Ticks, campaigns, votes and roles (dissertation, chapter 3.4 and section 9.6).
#include <algorithm>

#include "raft/core.h"
#include "raft/membership.h"
#include "raft/quorum.h"
#include "src/base/mistake.h"

namespace timber::raft {

void Core::tick() {
    ++tick_count_;
    log_.ask_storage_again();
    tick_reads();
    if (role_ == Role::kLeader) {
        tick_leader();
    } else {
        tick_follower();
    }
}

void Core::tick_follower() {
    ++election_elapsed_;
    if (election_elapsed_ < election_timeout_) return;
    election_elapsed_ = 0;
    ++silent_timeouts_;
    if (!campaign()) return;
    if (!disk_stalled_ && may_campaign_without_vote()) {
        silent_timeouts_ = 0;
        if (!start_campaign(Campaign::kPreVote)) return;
    }
    // Who may not campaign still has to forget the leader that fell silent, or it would hold back
    // its vote in that one's favour for ever: a learner that was promoted by an entry it has not
    // seen, and without whose vote nobody can send it that entry.
    become_follower(term_, kNobody);
}

void Core::tick_leader() {
    ++election_elapsed_;
    ++heartbeat_elapsed_;
    tick_transfer();
    if (election_elapsed_ >= config_.election_ticks) {
        election_elapsed_ = 0;
        if (config_.check_quorum && !quorum_active()) return become_follower(term_, kNobody);
        for (Progress& progress : progress_) progress.recently_active = false;
    }
    if (leaving_ && ++leaving_elapsed_ >= config_.election_ticks) {
        return become_follower(term_, kNobody);
    }
    for (Progress& progress : progress_) {
        if (progress.tick_snapshot()) appends_due_ = true;
    }
    if (heartbeat_elapsed_ >= config_.heartbeat_ticks) {
        heartbeat_elapsed_ = 0;
        broadcast_heartbeat();
    }
    if (disk_stalled_ && transferee_ == kNobody) TIMBER_MAYBE(hand_over());
}

bool Core::quorum_active() const {
    const uint64_t active = quorum_of(conf_, [&](NodeId id) -> uint64_t {
        if (id == config_.id) return 1;
        const Progress* progress = find_progress(id);
        return progress != nullptr && progress->recently_active ? 1 : 0;
    });
    return active == 1;
}

void Core::restart_election_timer() {
    election_elapsed_ = 0;
    heartbeat_elapsed_ = 0;
    election_timeout_ = static_cast<uint32_t>(
        random_.between(config_.election_ticks, 2 * uint64_t{config_.election_ticks} - 1));
    TIMBER_ASSERT_OP(election_timeout_, >=, config_.election_ticks);
}

// What ends with the role, whichever comes next.
void Core::leave_role() {
    if (role_ == Role::kLeader) {
        report_leadership_lost();
        drop_leader_reads(Refusal::kLeadershipLost);
        progress_.clear();
        appends_due_ = false;
        uncommitted_bytes_ = 0;
        transferee_ = transferee_given_up_ = kNobody;
        leaving_ = false;
        restart_lease();
    }
    votes_.clear();
    own_vote_ = OwnVote::kNone;
    restart_election_timer();
    TIMBER_ASSERT(leader_reads_.empty());
}

void Core::become_follower(Term term, NodeId leader) {
    TIMBER_ASSERT(leader != config_.id);
    leave_role();
    set_hard_state(term, term == term_ ? vote_ : kNobody);
    if (leader_ != leader && leader_ != kNobody) {
        // The leader that was asked will not answer here any more.
        drop_forwarded_reads(Refusal::kLeadershipLost);
    }
    role_ = Role::kFollower;
    leader_ = leader;
}

void Core::become_pre_candidate() {
    TIMBER_ASSERT(role_ != Role::kLeader);
    leave_role();
    drop_forwarded_reads(Refusal::kNoLeader);
    role_ = Role::kPreCandidate;
    leader_ = kNobody;
    // Asking disturbs nobody. Who refused because it had heard from the leader a little later than
    // this node may agree in a moment, and would otherwise be asked after twice the timeout.
    election_timeout_ = static_cast<uint32_t>(
        random_.between((config_.election_ticks + 3) / 4, (config_.election_ticks + 1) / 2));
}

void Core::become_candidate() {
    TIMBER_ASSERT(role_ != Role::kLeader);
    TIMBER_ASSERT_OP(term_, <, kTermMax);
    leave_role();
    drop_forwarded_reads(Refusal::kNoLeader);
    set_hard_state(term_ + 1, config_.id);
    role_ = Role::kCandidate;
    leader_ = kNobody;
    own_vote_ = OwnVote::kUnissued;
    if (TIMBER_MISTAKE(raft_own_vote_before_durable)) {
        own_vote_ = OwnVote::kCounted;
        votes_.push_back({config_.id, true});
    }
}

void Core::become_leader() {
    TIMBER_ASSERT_OP(role_, ==, Role::kCandidate);
    TIMBER_ASSERT_OP(vote_, ==, config_.id);
    leave_role();
    role_ = Role::kLeader;
    leader_ = config_.id;
    lease_forfeited_ = false;
    sync_progress(false);
    // Nothing of the terms before is committed by counting; this entry takes it along
    // (section 3.6.2). Until it is applied, no change of membership: one that an earlier leader
    // left in the log may yet commit.
    commit_at_start_ = log_.committed();
    first_own_index_ = log_.last_index() + 1;
    pending_change_ = first_own_index_;
    changes_known_after_ = log_.last_index();
    append_own(EntryType::kNormal, Payload());
    TIMBER_ASSERT_OP(log_.last_index(), ==, first_own_index_);
    if (!conf_.has_voter(config_.id)) start_leaving(first_own_index_);
}

std::optional<Refusal> Core::campaign() {
    if (disk_stalled_) return Refusal::kDiskStalled;
    if (!conf_.has_voter(config_.id)) return Refusal::kNotVoter;
    return start_campaign(config_.pre_vote ? Campaign::kPreVote : Campaign::kVote);
}

// A node whose removal, or demotion, is applied here may still be needed (dissertation, section
// 4.2.2). Leader 1 of the group {1, 2} removes itself, both hold the change, 1 applies it and dies
// before it told 2 that it is committed: 2 counts by {1, 2} and needs a vote of 1, whose log is
// longer, so that it refuses. Only 1 can be elected, by the vote of 2 alone; it then tells 2, and
// leaves. It cannot know that it is needed, so it waits until others had every chance.
bool Core::may_campaign_without_vote() const {
    static constexpr uint32_t kPatience = 4;
    return !conf_.voters.empty() && silent_timeouts_ >= kPatience;
}

std::optional<Refusal> Core::start_campaign(Campaign kind) {
    if (role_ == Role::kLeader) return Refusal::kAlreadyLeader;
    if (!conf_.has_voter(config_.id) && kind != Campaign::kPreVote) return Refusal::kNotVoter;
    if (term_ >= kTermMax) return Refusal::kNotVoter;
    // A candidate votes for itself, and that vote is promised as any other.
    if (kind != Campaign::kForcedVote && promise_held_by_clock()) return Refusal::kPromised;
    // With a change that is committed and not applied, this node would count by a membership that
    // may be two changes behind another's, and two such majorities need not meet.
    if (log_.has_unapplied_change()) return Refusal::kUnappliedChange;
    run_campaign(kind);
    return std::nullopt;
}

void Core::run_campaign(Campaign kind) {
    const bool pre = kind == Campaign::kPreVote;
    if (pre) {
        become_pre_candidate();
    } else {
        become_candidate();
    }
    for (const NodeId to : all_voters(conf_)) {
        if (to == config_.id) continue;
        Message ask{.type = pre ? MessageType::kPreVote : MessageType::kVote, .to = to};
        ask.term = pre ? term_ + 1 : term_;
        ask.index = log_.last_index();
        ask.log_term = log_.last_term();
        ask.forced = kind == Campaign::kForcedVote;
        if (pre) {
            send(std::move(ask));
        } else {
            send_durable(std::move(ask), log_.last_index());
        }
    }
    // A pre-vote promises nothing, so the own one counts at once.
    if (pre || TIMBER_MISTAKE(raft_own_vote_before_durable)) count_vote(config_.id, true);
}

void Core::handle_vote_request(const Message& message) {
    const bool pre = message.type == MessageType::kPreVote;
    const bool free_to_vote = vote_ == message.from || (vote_ == kNobody && leader_ == kNobody) ||
                              (pre && message.term > term_);
    bool log_ok = log_.up_to_date(message.index, message.log_term);
    if (!pre && TIMBER_MISTAKE(raft_vote_skips_log_check)) log_ok = true;
    if (pre && TIMBER_MISTAKE(raft_pre_vote_skips_log_check)) log_ok = true;
    const bool granted = free_to_vote && log_ok;
    Message answer{.type = pre ? MessageType::kPreVoteResponse : MessageType::kVoteResponse,
                   .to = message.from};
    answer.reject = !granted;
    if (!granted) return send(std::move(answer));
    if (pre) {
        // The answer is about the term asked for: in its own, the asker would take it for old.
        answer.term = message.term;
        return send(std::move(answer));
    }
    TIMBER_ASSERT_OP(message.term, ==, term_);
    // Whoever was only asking around lets the one that is further ahead go on.
    if (role_ == Role::kPreCandidate) become_follower(term_, kNobody);
    TIMBER_ASSERT_OP(role_, ==, Role::kFollower);
    election_elapsed_ = 0;
    set_hard_state(term_, message.from);
    send_durable(std::move(answer), LogIndex(0));
}

void Core::handle_vote_response(const Message& message) {
    const bool pre = message.type == MessageType::kPreVoteResponse;
    if (role_ != (pre ? Role::kPreCandidate : Role::kCandidate)) return;
    if (pre && !message.reject && message.term != term_ + 1) return;
    count_vote(message.from, !message.reject);
}

void Core::count_vote(NodeId from, bool granted) {
    TIMBER_ASSERT(role_ == Role::kPreCandidate || role_ == Role::kCandidate);
    const bool counted =
        std::ranges::any_of(votes_, [&](const VoteRecord& vote) { return vote.from == from; });
    if (!counted && conf_.has_voter(from)) votes_.push_back({from, granted});
    const VoteResult result = vote_of_quorum(conf_, [&](NodeId id) -> std::optional<bool> {
        for (const VoteRecord& vote : votes_) {
            if (vote.from == id) return vote.granted;
        }
        return std::nullopt;
    });
    switch (result) {
        case VoteResult::kPending: return;
        case VoteResult::kLost: return become_follower(term_, kNobody);
        case VoteResult::kWon: break;
    }
    if (role_ == Role::kPreCandidate) return run_campaign(Campaign::kVote);
    become_leader();
}

bool Core::promise_held() const {
    if (promise_held_by_clock()) return true;
    if (!config_.check_quorum || leader_ == kNobody) return false;
    return election_elapsed_ < config_.election_ticks;
}

bool Core::promise_held_by_clock() const {
    if (!config_.lease_reads) return false;
    if (TIMBER_MISTAKE(raft_restart_forgets_promise) && promised_until_ == BootTimeUs(0)) {
        return false;
    }
    // Without a reading of the clock nothing is known of promises before the restart.
    return !now_ || *now_ < promised_until_;
}

void Core::renew_promise() {
    if (!config_.lease_reads || !now_) return;
    promised_until_ = std::max(promised_until_, *now_ + config_.promise_us());
}

}  // namespace timber::raft
