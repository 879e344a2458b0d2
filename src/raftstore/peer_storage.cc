#include "src/raftstore/peer_storage.h"

namespace timber::raftstore {

PeerStorage::PeerStorage(PeerHost& host, storage::AppliedState applied, RegionLocalState local)
    : host_(host), applied_(std::move(applied)), local_(std::move(local)) {
    check_invariants();
}

raft::InitialState PeerStorage::initial_state() const {
    const auto summary = host_.engine().region(local_.region.id);
    TIMBER_ASSERT(summary.has_value());
    return {summary->hard_state, local_.region.conf_state()};
}

raft::LogIndex PeerStorage::last_index() const {
    const auto summary = host_.engine().region(local_.region.id);
    TIMBER_ASSERT(summary.has_value());
    return std::max(summary->last_index, applied_.truncated.index);
}

Result<raft::Term> PeerStorage::term(raft::LogIndex index) const {
    if (index == applied_.truncated.index) return applied_.truncated.term;
    if (index < applied_.truncated.index) {
        return make_error(ErrorCode::kNotFound, "compacted");
    }
    return host_.engine().term(local_.region.id, index);
}

Result<std::vector<raft::Entry>> PeerStorage::entries(raft::LogIndex low, raft::LogIndex high,
                                                      size_t bytes_max) const {
    if (low <= applied_.truncated.index) return make_error(ErrorCode::kNotFound, "compacted");
    return host_.engine().entries(local_.region.id, low, high, bytes_max);
}

bool PeerStorage::usable(const OwnSnapshot& snapshot) const {
    return snapshot.snapshot->metadata.index >= applied_.truncated.index &&
           snapshot.conf_ver >= local_.region.epoch.conf_ver;
}

Result<raft::SnapshotPointer> PeerStorage::snapshot() const {
    if (snapshot_ && !usable(*snapshot_)) snapshot_.reset();
    if (snapshot_) {
        snapshot_->used_at_tick = host_.ticks();
        return snapshot_->snapshot;
    }
    if (!snapshot_wanted_) {
        snapshot_wanted_ = true;
        host_.want_snapshot(local_.region.id);
    }
    return make_error(ErrorCode::kBusy, "the snapshot is being made");
}

void PeerStorage::set_state(storage::AppliedState applied, RegionLocalState local) {
    applied_ = std::move(applied);
    local_ = std::move(local);
    TIMBER_CHECK_SLOW(local_ == decode_region_local_state(applied_.region_state).value());
}

void PeerStorage::snapshot_made(std::optional<OwnSnapshot> made) {
    snapshot_wanted_ = false;
    snapshot_ = std::move(made);
    if (snapshot_) snapshot_->used_at_tick = host_.ticks();
}

SnapshotFilesRef PeerStorage::snapshot_files(raft::LogIndex index) const {
    if (!snapshot_ || snapshot_->snapshot->metadata.index != index) return nullptr;
    return snapshot_->files;
}

void PeerStorage::drop_idle_snapshot(uint64_t ticks_max) {
    if (!snapshot_) return;
    // A transfer that reads the files is an owner of them, and may be asked for again.
    const bool used = snapshot_->files.use_count() > 1;
    if (used) snapshot_->used_at_tick = host_.ticks();
    const bool idle = host_.ticks() - snapshot_->used_at_tick > ticks_max;
    if (!usable(*snapshot_) || idle) snapshot_.reset();
}

void PeerStorage::check_invariants() const {
    TIMBER_ASSERT_OP(applied_.truncated.index, <=, applied_.applied);  // PS1
    if (applied_.applied == applied_.truncated.index) {
        TIMBER_ASSERT_OP(applied_.applied_term, ==, applied_.truncated.term);
    }
    TIMBER_ASSERT(local_.region.id != RegionId(0));
}

}  // namespace timber::raftstore
