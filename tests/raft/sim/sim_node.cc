#include "tests/raft/sim/sim_node.h"

#include <algorithm>

namespace timber::raft::sim {

Result<Term> SimStorage::term(LogIndex index) const {
    if (unreadable) return make_error(ErrorCode::kBusy, "the disk does not answer");
    return MemoryStorage::term(index);
}

Result<std::vector<Entry>> SimStorage::entries(LogIndex low, LogIndex high,
                                               size_t bytes_max) const {
    if (unreadable) return make_error(ErrorCode::kBusy, "the disk does not answer");
    return MemoryStorage::entries(low, high, bytes_max);
}

ConfState SimNode::conf_at(LogIndex index) const {
    auto at = confs.upper_bound(index);
    if (at == confs.begin()) return {};
    return (--at)->second;
}

static std::string text_of(const std::vector<NodeId>& ids) {
    std::string line = "[";
    for (const NodeId each : ids) line += (line.size() > 1 ? " " : "") + text(each);
    return line + "]";
}

std::string SimNode::describe() const {
    if (!up) return "node " + text(id) + " is down";
    const NodeStatus status = raft->status();
    std::string line =
        "node " + text(id) + " " + std::string(to_string(status.soft.role)) + " of term " +
        text(status.hard.term) + ", follows " + text(status.soft.leader) + ", voters " +
        text_of(status.conf.voters) + " learners " + text_of(status.conf.learners) + ", first " +
        text(status.first_index) + " applied " + text(applied) + " handed " +
        text(status.handed_over) + " commit " + text(status.hard.commit) + " durable " +
        text(status.durable_index) + " last " + text(status.last_index) + " of term " +
        text(status.last_term) + ", writes " + text(status.last_durable_write) + "/" +
        text(status.last_write) + (status.lease_promise ? ", promised" : "") +
        (status.leaving ? ", leaving" : "");
    for (const ProgressStatus& progress : status.progress) {
        line += "\n    to " + text(progress.id) + ": " + std::string(to_string(progress.state)) +
                (progress.paused ? " paused" : "") + " match " + text(progress.match) + " next " +
                text(progress.next) + " snapshot " + text(progress.pending_snapshot) +
                " inflight " + std::to_string(progress.inflight_messages) +
                (progress.recently_active ? " active" : "") + (progress.slow ? " slow" : "");
    }
    return line;
}

bool SimNode::has_writes_in_flight() const {
    return std::ranges::any_of(writes, [](const PendingWrite& each) { return !each.durable; });
}

void SimNode::disk_step() {
    for (PendingWrite& pending : writes) {
        if (pending.durable) continue;
        pending.durable = true;
        durable.apply(pending.write);
        if (pending.write.snapshot) {
            const SnapshotMetadata& metadata = pending.write.snapshot->metadata;
            confs[metadata.index] = metadata.conf_state;
            applied_floor = std::max(applied_floor, metadata.index);
        }
        return;
    }
}

void SimNode::crash(size_t kept) {
    for (; kept > 0; --kept) disk_step();
    up = false;
    ++life;
    writes.clear();
    held.clear();
    raft.reset();
    apply_queue.clear();
    open_writes.clear();
    open_reads.clear();
    open_lease_reads.clear();
    proposals.clear();
    ticks = 0;
    seen_match.clear();
    may_grant.clear();
    seen_role = Role::kFollower;
    seen_last = {};
    disk_busy_until_us = 0;
}

void SimNode::check_promise(const Message& message) const {
    const HardState& hard = durable.hard_state();
    const bool moved_on = hard.term > message.term;
    const auto fail = [&](const char* what) {
        broken("C6", "node " + text(id) + " sends " + std::string(to_string(message.type)) +
                         " of term " + text(message.term) + ": " + what);
    };
    switch (message.type) {
        case MessageType::kVote:
            if (moved_on) return;
            if (hard.term != message.term || hard.vote != id) fail("its own vote is not durable");
            return;
        case MessageType::kVoteResponse:
            if (message.reject || moved_on) return;
            if (hard.term != message.term || hard.vote != message.to) fail("it is not durable");
            return;
        case MessageType::kAppendResponse:
            if (message.reject || moved_on) return;
            if (hard.term != message.term) fail("its term is not durable");
            if (durable.last_index() < message.index) fail("what it holds is not durable");
            return;
        default: return;
    }
}

void SimNode::check_belief(const NodeStatus& status) const {
    const LogIndex believed = status.durable_index;
    if (status.pending_snapshot != LogIndex(0) || believed == LogIndex(0)) return;
    const std::optional<Term> in_log = raft->term_at(believed);
    if (!in_log) {
        broken("C7", "node " + text(id) + " believes entry " + text(believed) +
                         " durable, which is not in its log");
    }
    const Result<Term> on_disk = durable.term(believed);
    if (believed >= durable.first_index() && (!on_disk || *on_disk != *in_log)) {
        broken("C7", "node " + text(id) + " believes entry " + text(believed) +
                         " durable, which its disk does not hold");
    }
    for (const PendingWrite& pending : writes) {
        const Write& write = pending.write;
        if (write.snapshot && write.snapshot->metadata.index > believed) {
            broken("C7", "node " + text(id) + " believes entry " + text(believed) +
                             " durable while a snapshot replaces it");
        }
        if (!write.entries.empty() && write.entries.front().index <= believed) {
            broken("C7", "node " + text(id) + " believes entry " + text(believed) +
                             " durable, which write " + text(write.number) + " replaces");
        }
    }
}

void SimNode::note_fate(const ProposalNotice& notice) {
    for (LogIndex index = notice.first; index <= notice.last; ++index) {
        const auto open = proposals.find({index, notice.term});
        const std::string what = "node " + text(id) + " says " +
                                 std::string(to_string(notice.fate)) + " of its proposal " +
                                 text(index) + " of term " + text(notice.term);
        if (open == proposals.end()) broken("C13", what + ", which has ended");
        if (notice.fate != ProposalFate::kLeadershipLost) {
            proposals.erase(open);
        } else if (std::exchange(open->second, true)) {
            broken("C13", what + " twice");
        }
    }
}

void SimNode::check_ends(const NodeStatus& status) const {
    for (const auto& [proposal, told] : proposals) {
        const auto& [index, term] = proposal;
        if (index <= status.handed_over) {
            broken("C13", "node " + text(id) + " never said what became of its proposal " +
                              text(index) + " of term " + text(term));
        }
        const bool leads = status.soft.role == Role::kLeader && status.hard.term == term;
        if (!leads && !told) {
            broken("C13", "node " + text(id) + " lost its leadership of term " + text(term) +
                              " and did not say so");
        }
    }
    for (const OpenRead& read : open_reads) {
        if (read.confirmed || ticks - read.asked_at_tick <= kElectionTicks) continue;
        broken("C13", "node " + text(id) + " never answers read " + text(read.id));
    }
}

}  // namespace timber::raft::sim
