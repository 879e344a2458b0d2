// Handing leadership over (dissertation, section 3.10).
#include "raft/core.h"
#include "src/base/mistake.h"

namespace timber::raft {

std::optional<Refusal> Core::transfer_leader(NodeId to) {
    if (role_ != Role::kLeader) {
        if (leader_ == kNobody) return Refusal::kNoLeader;
        if (to == leader_) return Refusal::kAlreadyLeader;
        if (!conf_.has_voter(to)) return Refusal::kNotVoter;
        Message ask{.type = MessageType::kTransferLeader, .to = leader_};
        ask.node = to;
        send(std::move(ask));
        return std::nullopt;
    }
    if (to == config_.id) {
        abort_transfer();
        return Refusal::kAlreadyLeader;
    }
    if (leaving_) return Refusal::kNotLeader;
    if (!conf_.has_member(to)) return Refusal::kUnknownNode;
    if (!conf_.has_voter(to)) return Refusal::kNotVoter;
    if (to == transferee_) return std::nullopt;
    transferee_ = to;
    transfer_elapsed_ = 0;
    const Progress* progress = find_progress(to);
    TIMBER_ASSERT(progress != nullptr);
    appends_due_ = true;
    continue_transfer(*progress);
    return std::nullopt;
}

void Core::abort_transfer() { transferee_ = kNobody; }

std::optional<Refusal> Core::hand_over() {
    if (role_ != Role::kLeader) return Refusal::kNotLeader;
    // The one that is furthest; but one that did not take over when it was asked, perhaps because
    // its own disk stands still, only if there is no other.
    const auto worse = [&](const Progress& left, const Progress& right) {
        const bool left_failed = left.id == transferee_given_up_;
        const bool right_failed = right.id == transferee_given_up_;
        return left_failed != right_failed ? left_failed : left.match < right.match;
    };
    const Progress* best = nullptr;
    for (const Progress& progress : progress_) {
        if (progress.id == config_.id || progress.learner || progress.slow) continue;
        if (!progress.recently_active || progress.state == ProgressState::kSnapshot) continue;
        if (best == nullptr || worse(*best, progress)) best = &progress;
    }
    if (best == nullptr) return Refusal::kUnknownNode;
    return transfer_leader(best->id);
}

void Core::handle_transfer_request(const Message& message) {
    if (role_ != Role::kLeader) return;
    if (find_progress(message.from) == nullptr) return ignore();
    TIMBER_MAYBE(transfer_leader(message.node));
}

// The transferee must hold the whole log, or it could not win.
void Core::continue_transfer(const Progress& progress) {
    if (transferee_ != progress.id) return;
    TIMBER_ASSERT_OP(progress.match, <=, log_.last_index());
    if (progress.match == log_.last_index()) send_timeout_now(progress.id);
}

void Core::send_timeout_now(NodeId to) {
    TIMBER_ASSERT_OP(role_, ==, Role::kLeader);
    // No lease any more in this term. Not for the time of the transfer alone: the order may
    // arrive long after the transfer was given up, and voters then forget their promise.
    if (!TIMBER_MISTAKE(raft_lease_kept_in_transfer)) {
        lease_forfeited_ = true;
        restart_lease();
    }
    send({.type = MessageType::kTimeoutNow, .to = to});
}

void Core::tick_transfer() {
    if (transferee_ == kNobody) return;
    if (++transfer_elapsed_ < config_.election_ticks) return;
    transferee_given_up_ = transferee_;
    abort_transfer();
}

void Core::handle_timeout_now(const Message& message) {
    // Only the leader's own word sets its voters' promises aside.
    if (leader_ != kNobody && leader_ != message.from) return ignore();
    if (role_ != Role::kFollower || disk_stalled_ || !conf_.has_voter(config_.id)) return;
    TIMBER_MAYBE(start_campaign(Campaign::kForcedVote));
}

}  // namespace timber::raft
