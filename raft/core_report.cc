// What the driver reports about other nodes and its own disk, and what it can look at.
#include "raft/core.h"

namespace timber::raft {

void Core::report_unreachable(NodeId node) {
    if (role_ != Role::kLeader || node == config_.id) return;
    Progress* progress = find_progress(node);
    if (progress == nullptr) return;
    // What is in flight is probably lost; the stream would go on past the hole.
    if (progress->state == ProgressState::kReplicate) progress->become_probe();
    TIMBER_ASSERT(progress->state != ProgressState::kReplicate);
}

void Core::report_slow(NodeId node, bool slow) {
    if (role_ != Role::kLeader) return;
    Progress* progress = find_progress(node);
    if (progress == nullptr) return;
    progress->slow = slow;
    appends_due_ = true;
}

void Core::report_snapshot(NodeId node, SnapshotReport report) {
    if (role_ != Role::kLeader) return;
    Progress* progress = find_progress(node);
    if (progress == nullptr) return;
    switch (report) {
        case SnapshotReport::kSending:
        case SnapshotReport::kDelivered:
            return progress->report_snapshot_alive(config_.snapshot_retry_ticks);
        case SnapshotReport::kFailed:
            return progress->report_snapshot_failed(
                std::min(config_.election_ticks, config_.snapshot_retry_ticks));
    }
}

void Core::report_own_disk(bool stalled) {
    disk_stalled_ = stalled;
    if (stalled && role_ == Role::kLeader && transferee_ == kNobody) TIMBER_MAYBE(hand_over());
}

void Core::storage_ready() {
    log_.ask_storage_again();
    for (Progress& progress : progress_) {
        if (!progress.waits_for_storage) continue;
        progress.waits_for_storage = false;
        appends_due_ = true;
    }
}

NodeStatus Core::status() const {
    NodeStatus status;
    status.id = config_.id;
    status.soft = {role_, leader_};
    status.hard = {term_, vote_, log_.committed()};
    status.conf = conf_;
    status.first_index = log_.first_index();
    status.last_index = log_.last_index();
    status.last_term = log_.last_term();
    status.durable_index = log_.durable();
    status.handed_over = log_.handed_over();
    status.applied = log_.applied();
    status.pending_snapshot = log_.pending_snapshot_index();
    status.last_write = last_write_;
    status.last_durable_write = persisted_;
    status.transferee = transferee_;
    status.leaving = leaving_;
    status.membership_settled = membership_settled();
    status.lease_promise = promise_held();
    status.uncommitted_bytes = uncommitted_bytes_;
    status.reads_open = leader_reads_.size() + forwarded_reads_.size();
    status.election_elapsed_ticks = election_elapsed_;
    status.election_timeout_ticks = election_timeout_;
    status.messages_ignored = messages_ignored_;
    status.progress.reserve(progress_.size());
    for (const Progress& progress : progress_) status.progress.push_back(progress.status());
    return status;
}

}  // namespace timber::raft
