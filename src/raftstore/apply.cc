#include "src/raftstore/apply.h"

#include <algorithm>

#include "src/base/mistake.h"

namespace timber::raftstore {

static AppliedKind apply_write(const DecodedWrite& write, const Region& region,
                               memtable::WriteBatch& effects) {
    // Proposed for a range that has changed since: the keys may be another Region's by now.
    if (write.epoch.version != region.epoch.version && !TIMBER_MISTAKE(rs_epoch_unchecked)) {
        return AppliedKind::kEpochNotMatch;
    }
    const auto outside = [&](const WriteOperation& operation) {
        return !region.contains(operation.key);
    };
    if (std::ranges::any_of(write.operations, outside)) return AppliedKind::kKeyNotInRegion;
    for (const WriteOperation& operation : write.operations) {
        switch (operation.kind) {
            case WriteOperation::Kind::kPut:
                effects.put(operation.family, operation.key, operation.value);
                break;
            case WriteOperation::Kind::kDelete:
                effects.remove(operation.family, operation.key);
                break;
        }
    }
    return AppliedKind::kWritten;
}

static AppliedKind apply_compact(const DecodedCompactLog& compact, const raft::Entry& entry,
                                 storage::TruncatedState& truncated) {
    // Two of them may be on their way at once, and come in either order. What was not applied
    // before this entry cannot go.
    if (compact.index > truncated.index && compact.index < entry.index) {
        truncated = {compact.index, compact.term};
    }
    return AppliedKind::kCompacted;
}

std::optional<Region> changed_region(const Region& region, const raft::ConfChange& change,
                                     const PeerMeta& peer) {
    if (peer.id != change.node || peer.id == PeerId(0) || peer.store == StoreId(0)) {
        return std::nullopt;
    }
    Region next = region;
    ++next.epoch.conf_ver;
    const auto at = std::ranges::lower_bound(next.peers, peer.id, {}, &PeerMeta::id);
    const bool member = at != next.peers.end() && at->id == peer.id;
    if (change.type == raft::ConfChangeType::kRemove) {
        if (!member) return std::nullopt;
        next.peers.erase(at);
        return next;
    }
    const bool learner = change.type == raft::ConfChangeType::kAddLearner;
    if (member) {
        if (at->learner == learner || at->store != peer.store) return std::nullopt;
        at->learner = learner;
        if (!peer.address.empty()) at->address = peer.address;
        if (peer.incarnation != storage::Incarnation(0)) at->incarnation = peer.incarnation;
        return next;
    }
    if (region.find_store(peer.store) != nullptr) return std::nullopt;
    PeerMeta added = peer;
    added.learner = learner;
    next.peers.insert(at, std::move(added));
    return next;
}

static Result<AppliedKind> apply_change(const raft::Entry& entry, Region& region) {
    TIMBER_TRY(const raft::ConfChange change, raft::decode_conf_change(entry.payload));
    TIMBER_TRY(const DecodedChangePeer decoded, decode_change_peer(change.context));
    if (decoded.epoch.conf_ver != region.epoch.conf_ver) return AppliedKind::kEpochNotMatch;
    std::optional<Region> next = changed_region(region, change, decoded.peer);
    if (!next) return AppliedKind::kBadChange;
    region = std::move(*next);
    return AppliedKind::kMembership;
}

Result<AppliedKind> apply_entry(const raft::Entry& entry, RegionLocalState& local,
                                storage::TruncatedState& truncated, memtable::WriteBatch& effects) {
    if (local.state != PeerState::kNormal) {
        return make_error(ErrorCode::kCorrupted,
                          "entry " + std::to_string(entry.index.value()) + " of Region " +
                              std::to_string(local.region.id.value()) + ", which has no state yet");
    }
    if (entry.type == raft::EntryType::kConfChange) return apply_change(entry, local.region);
    if (entry.payload.empty()) return AppliedKind::kNothing;
    TIMBER_TRY(const DecodedCommand command, decode_command(entry.payload));
    if (const auto* write = std::get_if<DecodedWrite>(&command)) {
        return apply_write(*write, local.region, effects);
    }
    return apply_compact(std::get<DecodedCompactLog>(command), entry, truncated);
}

Status RegionApplier::apply(RegionId region, const raft::Entry& entry, storage::AppliedState& state,
                            memtable::WriteBatch& effects) {
    if (state.region_state != decoded_from_ || decoded_from_.empty()) {
        TIMBER_TRY(decoded_, decode_region_local_state(state.region_state));
        decoded_from_ = state.region_state;
    }
    if (decoded_.region.id != region) {
        return make_error(ErrorCode::kCorrupted,
                          "the state of Region " + std::to_string(decoded_.region.id.value()) +
                              " is kept as that of Region " + std::to_string(region.value()));
    }
    TIMBER_TRY(const AppliedKind kind, apply_entry(entry, decoded_, state.truncated, effects));
    if (kind == AppliedKind::kMembership) {
        state.region_state = encode_region_local_state(decoded_);
        decoded_from_ = state.region_state;
    }
    return {};
}

}  // namespace timber::raftstore
