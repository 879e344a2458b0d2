// Changes of membership, one at a time (dissertation, chapter 4), and a leader that leaves.
//
// A change takes effect when it is applied. That two changes cannot be in force apart from each
// other rests on this: a leader proposes the next change only after it applied the one before; an
// entry travels together with a commit that covers every change before it; both are in one write;
// and who knows of a committed change that it has not applied does not campaign. So whoever holds
// change 7 in its log counts by change 6 at least, and majorities of neighbours meet.
#include <algorithm>

#include "raft/core.h"
#include "raft/membership.h"
#include "raft/quorum.h"
#include "src/base/mistake.h"

namespace timber::raft {

Proposed Core::propose_conf_change(const ConfChange& change) {
    if (change.node == kNobody) return {Refusal::kUnknownNode, {}, {}};
    if (role_ != Role::kLeader || leaving_) return {Refusal::kNotLeader, {}, {}};
    if (log_.applied() < pending_change_) return {Refusal::kMembershipBusy, {}, {}};
    if (!proposable(conf_, change)) return {Refusal::kBadChange, {}, {}};
    const Payload payload = encode_conf_change(change);
    const Proposed proposed = propose(std::span(&payload, 1), EntryType::kConfChange);
    if (!proposed.accepted()) return proposed;
    pending_change_ = proposed.first_index;
    TIMBER_ASSERT_OP(pending_change_, ==, log_.last_index());
    return proposed;
}

ConfState Core::apply_conf_change(LogIndex index, const ConfChange& change) {
    if (index <= log_.pending_snapshot_index() && !TIMBER_MISTAKE(raft_passed_change_applied)) {
        // Entry 10 removes a node, entry 15 brings it back, and a snapshot up to 20 came before 10
        // was applied here: its membership stays. What the driver stores with the applied index
        // is another matter, for the snapshot may not become durable.
        if (change.node != kNobody) conf_before_snapshot_ = changed(conf_before_snapshot_, change);
        return conf_before_snapshot_;
    }
    if (change.node == kNobody) return conf_;
    set_conf(changed(conf_, change));
    if (role_ != Role::kLeader) return conf_;
    // A lease counted by the old membership says little about the new one.
    restart_lease();
    changes_known_after_ = log_.last_index();
    sync_progress(true);
    if (transferee_ != kNobody && !conf_.has_voter(transferee_)) transferee_ = kNobody;
    if (!conf_.has_voter(config_.id) && !leaving_) start_leaving(log_.handed_over());
    // The majority may have become smaller: entries, and rounds, may have it already.
    TIMBER_MAYBE(maybe_commit());
    appends_due_ = true;
    confirm_rounds();
    if (leaving_) check_left();
    return conf_;
}

// An entry that is appended after a change was applied is sent, and written, with a commit index
// that covers the change. Once it is committed, whoever can still be elected holds it, and so has
// durably that the change is committed: it counts by this membership or a later one, and never
// again by one that needs the vote of a node that is gone.
bool Core::membership_settled() const {
    if (role_ != Role::kLeader || leaving_) return false;
    if (TIMBER_MISTAKE(raft_settled_when_applied)) return log_.applied() >= pending_change_;
    // A change that is under way may bring one of those nodes back.
    return log_.applied() >= pending_change_ && log_.committed() > changes_known_after_;
}

void Core::set_conf(ConfState conf) {
    TIMBER_ASSERT(well_formed(conf));
    conf_ = std::move(conf);
}

void Core::sync_progress(bool newcomers_active) {
    TIMBER_ASSERT_OP(role_, ==, Role::kLeader);
    std::vector<Progress> old = std::move(progress_);
    progress_.clear();
    for (const NodeId id : all_members(conf_)) {
        const auto known = std::ranges::find(old, id, &Progress::id);
        if (known != old.end()) {
            progress_.push_back(std::move(*known));
        } else {
            Progress progress;
            progress.id = id;
            progress.next = log_.last_index() + 1;
            // A newcomer to the group is given until the next check to answer.
            progress.recently_active = newcomers_active || id == config_.id;
            progress.inflights =
                Inflights(config_.inflight_messages_max, config_.inflight_bytes_max);
            if (id == config_.id) TIMBER_MAYBE(progress.acknowledge(log_.durable()));
            progress_.push_back(std::move(progress));
        }
        progress_.back().learner = !conf_.has_voter(id);
    }
}

// A leader without a vote sees the others off before it goes: it leads on, not counting itself,
// until a majority of those who stay knows that all up to `told` is committed. Going at once, out
// of a group of two, would leave the other with a membership in which it needs a vote that is gone.
void Core::start_leaving(LogIndex told) {
    TIMBER_ASSERT_OP(role_, ==, Role::kLeader);
    leaving_ = true;
    leaving_elapsed_ = 0;
    leaving_index_ = told;
    transferee_ = kNobody;
    appends_due_ = true;
}

void Core::check_left() {
    TIMBER_ASSERT(leaving_);
    const uint64_t told = quorum_of(conf_, [&](NodeId id) -> uint64_t {
        const Progress* progress = find_progress(id);
        return progress != nullptr ? progress->commit_known.value() : 0;
    });
    const bool nobody_left = all_voters(conf_).empty();
    if (!nobody_left && LogIndex(told) < leaving_index_) return;
    // The one that is furthest need not wait for its election timeout.
    const Progress* best = nullptr;
    for (const Progress& progress : progress_) {
        if (progress.learner || progress.id == config_.id) continue;
        if (best == nullptr || progress.match > best->match) best = &progress;
    }
    if (best != nullptr) send_timeout_now(best->id);
    become_follower(term_, kNobody);
}

}  // namespace timber::raft
