// What Raft wants done: messages, writes, snapshots to install, committed entries, and answers.
#include "src/base/mistake.h"
#include "src/raftstore/peer.h"
#include "src/raftstore/request_checks.h"

namespace timber::raftstore {

void Peer::handle_ready() {
    if (destroying_) return;
    ask_for_reads();
    propose_held();
    while (!destroying_ && node_->has_ready()) {
        observe_time();
        carry_out(node_->ready());
        propose_held();
    }
    if (!destroying_) serve_reads();
}

void Peer::carry_out(raft::Ready ready) {
    if (ready.soft_state) {
        const bool leader_changed = ready.soft_state->leader != soft_.leader;
        if (ready.soft_state->role != soft_.role) compaction_proposed_ = raft::LogIndex(0);
        soft_ = *ready.soft_state;
        if (leader_changed) host_.observer().leader_changed(region(), leader());
    }
    for (raft::Message& message : ready.messages) send(std::move(message));
    if (ready.write) take_write(std::move(*ready.write));
    if (!ready.once_durable.messages.empty()) {
        if (TIMBER_MISTAKE(rs_promise_before_durable)) {
            for (raft::Message& message : ready.once_durable.messages) send(std::move(message));
        } else {
            writes_.hold(std::move(ready.once_durable));
        }
    }
    for (raft::Entry& entry : ready.committed) apply_queue_.push_back(std::move(entry));
    for (const raft::ProposalNotice& one : ready.proposals) notice(one);
    for (const raft::ReadReady& read : ready.reads) reads_.ready(read.id, read.index);
    for (const raft::ReadDropped& read : ready.reads_dropped) {
        refuse_reads(reads_.take_dropped(read.id), refusal_error(read.reason));
    }
}

// The snapshot may hold what it did.
static Response passed_by_snapshot(const Proposal& proposal) {
    if (TIMBER_MISTAKE(rs_passed_by_snapshot_stale)) {
        return not_done(stale_command(), proposal.term);
    }
    return unknown("a snapshot came instead of the log", proposal.term);
}

void Peer::notice(const raft::ProposalNotice& notice) {
    switch (notice.fate) {
        case raft::ProposalFate::kLeadershipLost:
            return proposals_.leadership_lost(notice, host_.ticks());
        case raft::ProposalFate::kOverwritten: {
            if (TIMBER_MISTAKE(rs_callback_by_index)) return;
            for (Proposal& proposal : proposals_.take_range(notice)) {
                answer(proposal.callback, not_done(stale_command(), proposal.term));
            }
            return;
        }
        case raft::ProposalFate::kPassedBySnapshot: {
            for (Proposal& proposal : proposals_.take_range(notice)) {
                answer(proposal.callback, passed_by_snapshot(proposal));
            }
            return;
        }
    }
}

void Peer::take_write(raft::Write write) {
    if (write.snapshot) begin_install(*write.snapshot);
    writes_.add(std::move(write));
}

// The state will jump past whatever waits to be applied, and past what reads wait for.
void Peer::begin_install(const raft::Snapshot& snapshot) {
    TIMBER_ASSERT(incoming_.has_value());
    TIMBER_ASSERT_OP(incoming_->metadata.index, ==, snapshot.metadata.index);
    TIMBER_ASSERT_OP(incoming_->metadata.term, ==, snapshot.metadata.term);
    drop_apply_queue();
    for (Proposal& proposal : proposals_.take_up_to(snapshot.metadata.index)) {
        answer(proposal.callback, passed_by_snapshot(proposal));
    }
    refuse_reads(reads_.take_all(), not_leader(region_id(), leader()));
}

storage::SnapshotInstall Peer::install_of(const ReceivedSnapshot& received) const {
    const Region& next = received.manifest.region;
    RegionLocalState local{PeerState::kNormal, id(), next};
    storage::SnapshotInstall install;
    install.state.applied = received.metadata.index;
    install.state.applied_term = received.metadata.term;
    install.state.truncated = {received.metadata.index, received.metadata.term};
    install.state.region_state = encode_region_local_state(local);
    install.range = {next.start_key, next.end_key};
    if (initialized()) {
        // What the Region covered before and does not any more goes as well.
        install.range.begin = std::min(install.range.begin, region().start_key);
        if (memtable::compare_ends(install.range.end, region().end_key) < 0) {
            install.range.end = region().end_key;
        }
    }
    install.files = received.files;
    return install;
}

void Peer::finish_install() {
    TIMBER_ASSERT(incoming_.has_value());
    const Region before = region();
    storage::SnapshotInstall installed = install_of(*incoming_);
    RegionLocalState local{PeerState::kNormal, id(), std::move(incoming_->manifest.region)};
    incoming_.reset();
    cleared_first_ = false;
    log_sizes_.clear();
    storage_.set_state(std::move(installed.state), std::move(local));
    host_.region_changed(before, region());
}

void Peer::add_writes(size_t count, storage::WriteBatch& batch) {
    const RegionId region = region_id();
    for (size_t i = 0; i < count; ++i) {
        const raft::Write& write = writes_.waiting(i);
        if (write.snapshot) batch.install_snapshot(region, install_of(*incoming_));
        if (!write.entries.empty()) batch.append(region, write.entries);
        if (write.hard_state) batch.set_hard_state(region, *write.hard_state);
    }
}

void Peer::writes_durable(raft::WriteNumber number) {
    const bool was_installing = writes_.installing();
    std::vector<raft::Message> messages = writes_.durable(number);
    if (was_installing && !writes_.installing()) finish_install();
    node_->persisted(number);
    for (raft::Message& message : messages) send(std::move(message));
    host_.wake(region_id());
}

void Peer::send_held() {
    for (raft::Message& message : writes_.take_held()) send(std::move(message));
}

bool Peer::clear_first(storage::WriteBatch& batch) {
    if (std::exchange(cleared_first_, true)) return false;
    storage::SnapshotInstall install = install_of(*incoming_);
    install.files.clear();
    batch.install_snapshot(region_id(), std::move(install));
    return true;
}

void Peer::writes_refused(raft::WriteNumber first, raft::WriteNumber last) {
    writes_.refused(first, last);
    host_.wake(region_id());
}

}  // namespace timber::raftstore
