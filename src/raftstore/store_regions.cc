// Peers: made by messages, found, destroyed; and the snapshots that they send and get.
#include "src/base/io/log.h"
#include "src/raftstore/message_checks.h"
#include "src/raftstore/store_core.h"

namespace timber::raftstore {

Peer* Store::Core::find_peer(RegionId region) {
    const auto at = peers_.find(region);
    return at != peers_.end() ? at->second.get() : nullptr;
}

Status Store::Core::add_peer(storage::AppliedState applied, RegionLocalState local) {
    const RegionId region = local.region.id;
    const bool has_state = local.state == PeerState::kNormal;
    if (has_state) ranges_.emplace(local.region.start_key, region);
    TIMBER_TRY(std::unique_ptr<Peer> peer,
               Peer::create(*this, std::move(applied), std::move(local), random_.next()));
    const bool fresh = peers_.emplace(region, std::move(peer)).second;
    TIMBER_ASSERT(fresh);
    return {};
}

std::optional<RegionLocalState> Store::Core::tombstone_of(RegionId region) const {
    const auto summary = engine_->region(region);
    if (!summary) return std::nullopt;
    Result<RegionLocalState> local = decode_region_local_state(summary->applied.region_state);
    if (!local.ok() || local->state != PeerState::kTombstone) return std::nullopt;
    return std::move(*local);
}

RegionId Store::Core::overlapping(RegionId except, std::string_view start,
                                  std::string_view end) const {
    // The one that begins at or before `start`, and those that begin in the range.
    auto at = ranges_.upper_bound(start);
    if (at != ranges_.begin()) --at;
    for (; at != ranges_.end() && memtable::before_end(at->first, end); ++at) {
        if (at->second == except) continue;
        const auto peer = peers_.find(at->second);
        TIMBER_ASSERT(peer != peers_.end());
        const Region& other = peer->second->region();
        if (ranges_overlap(start, end, other.start_key, other.end_key)) return at->second;
    }
    return RegionId(0);
}

// --- Made by a message ---

void Store::Core::make_peer(RaftMessage message) {
    const RegionId region = message.region;
    if (making_.contains(region) || doomed_.contains(region)) return;
    if (peers_.size() + making_.size() >= options_.regions_max) return;
    // A range that another Region here still covers: that one is behind, or this one is.
    if (overlapping(region, message.start_key, message.end_key) != RegionId(0)) return;
    RegionLocalState local{PeerState::kUninitialized, message.to_peer.id, {}};
    local.region.id = region;
    storage::AppliedState applied;
    applied.region_state = encode_region_local_state(local);
    storage::WriteBatch batch;
    batch.create_region(region, std::move(applied), {});
    making_.emplace(region, std::move(message));
    const Status status = engine_->commit(
        std::move(batch),
        [this, region](const Status& done) {
            const auto at = making_.find(region);
            TIMBER_ASSERT(at != making_.end());
            RaftMessage first = std::move(at->second);
            making_.erase(at);
            peer_made(std::move(first), done);
        },
        true);
    if (!status.ok()) making_.erase(region);  // the message comes again
}

void Store::Core::peer_made(RaftMessage message, const Status& status) {
    if (!status.ok() || failed_ || closing_) return;
    const auto summary = engine_->region(message.region);
    TIMBER_ASSERT(summary.has_value());
    Result<RegionLocalState> local = decode_region_local_state(summary->applied.region_state);
    TIMBER_ASSERT(local.ok());
    log_info("Region {}: peer {} is made", message.region.value(), local->peer.value());
    const Status added = add_peer(summary->applied, std::move(*local));
    if (!added.ok()) return fail(added.error());
    const StoreId from = message.from_peer.store;
    on_body(from, std::move(message));
}

void Store::Core::region_changed(const Region& before, const Region& now) {
    const auto old = ranges_.find(before.start_key);
    if (old != ranges_.end() && old->second == now.id) ranges_.erase(old);
    const bool fresh = ranges_.emplace(now.start_key, now.id).second;
    TIMBER_ASSERT(fresh);  // T2
    observer_.region_changed(now);
}

// --- Destruction ---

void Store::Core::destroy_wanted(RegionId region) {
    if (!doomed_.emplace(region, Destruction::kDue).second) return;
    if (!in_turn_) mailbox_.ring();
}

void Store::Core::destroy_doomed() {
    if (failed_ || closing_) return;
    for (auto& [region, state] : doomed_) {
        Peer* peer = find_peer(region);
        TIMBER_ASSERT(peer != nullptr);
        if (!peer->destroying()) {
            peer->begin_destroy();
            sender_->forget(region);
            writers_.erase(region);
        }
        if (state == Destruction::kCommitted || !peer->can_destroy()) continue;
        // An empty range for a peer without state: it has no keys.
        memtable::KeyRange range{"\x01", "\x01"};
        if (peer->initialized()) range = {peer->region().start_key, peer->region().end_key};
        const RegionLocalState tombstone{PeerState::kTombstone, peer->id(), peer->region()};
        storage::WriteBatch batch;
        batch.destroy_region(region, std::move(range), encode_region_local_state(tombstone));
        const Status status = engine_->commit(
            std::move(batch),
            [this, region = region](const Status& done) { destroyed(region, done); }, true);
        if (status.ok()) state = Destruction::kCommitted;  // otherwise the next tick tries again
    }
}

void Store::Core::destroyed(RegionId region, const Status& status) {
    const auto at = doomed_.find(region);
    TIMBER_ASSERT(at != doomed_.end());  // SC1
    if (!status.ok()) {
        at->second = Destruction::kDue;
        return;
    }
    doomed_.erase(at);
    const Peer* peer = find_peer(region);
    const auto range = ranges_.find(peer->region().start_key);
    if (range != ranges_.end() && range->second == region) ranges_.erase(range);
    active_.erase(region);
    appliers_waiting_.erase(region);
    peers_.erase(region);
    log_info("Region {}: its peer here is gone", region.value());
}

// --- Snapshots ---

void Store::Core::send_snapshot(Peer& peer, RaftMessage message) {
    const PeerId to = message.to_peer.id;
    SnapshotFilesRef files =
        peer.storage().snapshot_files(message.message.snapshot->metadata.index);
    if (files != nullptr && sender_->start(std::move(message), std::move(files))) return;
    peer.report_snapshot(to, raft::SnapshotReport::kFailed);
}

std::optional<std::string> Store::Core::refuse_snapshot(const RaftMessage& message,
                                                        const SnapshotManifest& manifest) {
    Peer* peer = find_peer(message.region);
    if (peer == nullptr || peer->destroying()) return "there is no such peer";
    const Region& next = manifest.region;
    if (next.id != message.region) return "it is of another Region";
    if (judge_for_peer(message, identity_.store, peer->id(), peer->region()) !=
        MessageVerdict::kStep) {
        return "it is not for this peer";
    }
    const PeerMeta* self = next.find_peer(peer->id());
    if (self == nullptr || self->store != identity_.store) return "this peer is not in it";
    const raft::SnapshotMetadata& metadata = message.message.snapshot->metadata;
    if (metadata.conf_state != next.conf_state()) return "its members contradict each other";
    if (is_stale(next.epoch, peer->region().epoch)) return "it is older than the Region here";
    if (metadata.index <= peer->storage().applied().applied) {
        // Only Raft can tell the leader how far this peer is: a refusal alone, and the leader would
        // offer the same again for ever.
        peer->step_passed_snapshot(message.from_peer, message.message);
        return "it is applied already";
    }
    if (overlapping(message.region, next.start_key, next.end_key) != RegionId(0)) {
        return "another Region here covers a part of its range";
    }
    if (!peer->can_take_snapshot()) return "another snapshot is being installed";
    return std::nullopt;
}

bool Store::Core::deliver_snapshot(RaftMessage message, ReceivedSnapshot received) {
    Peer* peer = find_peer(message.region);
    TIMBER_ASSERT(peer != nullptr && !peer->destroying());
    return peer->step_snapshot(message.from_peer, std::move(message.message), std::move(received));
}

}  // namespace timber::raftstore
