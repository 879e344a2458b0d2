// Committed entries: applied in groups, in memory, by the function that recovery uses too.
#include "src/base/mistake.h"
#include "src/raftstore/peer.h"
#include "src/raftstore/request_checks.h"

namespace timber::raftstore {

// Entries that are applied in one go.
static constexpr size_t kApplyBytesMax = 1_MiB;

struct ApplyGroup {
    size_t entries = 0;
    size_t bytes = 0;
};

// A change of membership ends a group: Raft hears of it before anything behind it.
static ApplyGroup first_group(const std::deque<raft::Entry>& queue) {
    ApplyGroup group;
    for (const raft::Entry& entry : queue) {
        group.bytes += raft::entry_bytes(entry);
        ++group.entries;
        if (group.bytes >= kApplyBytesMax || entry.type == raft::EntryType::kConfChange) break;
    }
    return group;
}

void Peer::apply_committed() {
    while (!destroying_ && has_to_apply() && !writes_.installing()) {
        if (!prepared_) {
            if (const Status status = prepare(); !status.ok()) return host_.fail(status.error());
        }
        const Status status =
            host_.engine().apply(region_id(), prepared_->state, prepared_->effects);
        if (!status.ok()) {
            // kBusy: the memory tables are full. Anything else stops the Store by itself.
            if (status.error().code == ErrorCode::kBusy) host_.wait_writable(region_id());
            return;
        }
        Prepared done = std::move(*prepared_);
        prepared_.reset();
        applied(std::move(done));
    }
}

Status Peer::prepare() {
    TIMBER_ASSERT(!prepared_ && !apply_queue_.empty());
    Prepared prepared{.state = storage_.applied(), .local = storage_.local()};
    const ApplyGroup group = first_group(apply_queue_);
    prepared.entries.reserve(group.entries);
    prepared.kinds.reserve(group.entries);
    prepared.effects.reserve(group.bytes);
    for (size_t i = 0; i < group.entries; ++i) {
        raft::Entry& entry = apply_queue_.front();
        TIMBER_CHECK(prepare_entry(entry, prepared));
        prepared.entries.push_back(std::move(entry));
        apply_queue_.pop_front();
    }
    const bool members_changed = prepared.entries.back().type == raft::EntryType::kConfChange;
    if (members_changed) prepared.state.region_state = encode_region_local_state(prepared.local);
    prepared_ = std::move(prepared);
    return {};
}

Status Peer::prepare_entry(const raft::Entry& entry, Prepared& prepared) {
    TIMBER_ASSERT_OP(entry.index, ==, prepared.state.applied + 1);  // PE1
    TIMBER_TRY(const AppliedKind kind,
               apply_entry(entry, prepared.local, prepared.state.truncated, prepared.effects));
    prepared.state.applied = entry.index;
    prepared.state.applied_term = entry.term;
    prepared.kinds.push_back(kind);
    return {};
}

void Peer::applied(Prepared done) {
    const bool compacted = done.state.truncated != storage_.applied().truncated;
    const raft::LogIndex last = done.state.applied;
    storage_.set_state(std::move(done.state), std::move(done.local));
    if (compacted) log_sizes_.forget_up_to(storage_.applied().truncated.index);
    for (size_t i = 0; i < done.entries.size(); ++i) {
        const raft::Entry& entry = done.entries[i];
        host_.observer().applied(region_id(), entry);
        log_sizes_.add(entry.index, raft::entry_bytes(entry));
        if (entry.type == raft::EntryType::kConfChange) change_members(entry, done.kinds[i]);
        answer_applied(entry, done.kinds[i]);
    }
    node_->applied(last);
    host_.wake(region_id());
}

void Peer::change_members(const raft::Entry& entry, AppliedKind kind) {
    if (kind != AppliedKind::kMembership) return;
    // It was understood when it was applied.
    const raft::ConfChange change = raft::decode_conf_change(entry.payload).value();
    const raft::ConfState conf = node_->apply_conf_change(entry.index, change);
    TIMBER_ASSERT(conf == region().conf_state());
    host_.region_changed(region(), region());
    // An entry behind the change, without which nobody may hear that it is gone.
    if (leads()) TIMBER_MAYBE(node_->propose(raft::Payload()).accepted());
}

void Peer::answer_applied(const raft::Entry& entry, AppliedKind kind) {
    std::optional<Proposal> proposal = proposals_.take(entry.index, entry.term);
    if (!proposal) return;
    Response response{.term = entry.term, .index = entry.index};
    switch (kind) {
        case AppliedKind::kNothing:
        case AppliedKind::kWritten:
        case AppliedKind::kCompacted: break;
        case AppliedKind::kMembership: response.changed = region(); break;
        case AppliedKind::kEpochNotMatch:
            response = not_done(epoch_not_match(region()), entry.term);
            break;
        case AppliedKind::kKeyNotInRegion:
            response = not_done(key_not_in_region("", region()), entry.term);
            break;
        case AppliedKind::kBadChange:
            response = not_done(message_error("the change does not fit the Region"), entry.term);
            break;
    }
    answer(proposal->callback, std::move(response));
}

void Peer::drop_apply_queue() {
    // They are committed, and what they did is in the snapshot; but whether they fitted the Region
    // when they were applied is not known here.
    const auto drop = [&](const raft::Entry& entry) {
        std::optional<Proposal> proposal = proposals_.take(entry.index, entry.term);
        if (!proposal) return;
        answer(proposal->callback, unknown("a snapshot came instead of the log", entry.term));
    };
    if (prepared_) {
        for (const raft::Entry& entry : prepared_->entries) drop(entry);
    }
    for (const raft::Entry& entry : apply_queue_) drop(entry);
    prepared_.reset();
    apply_queue_.clear();
}

}  // namespace timber::raftstore
