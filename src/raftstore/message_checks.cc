#include "src/raftstore/message_checks.h"

namespace timber::raftstore {

// What names the wrong nodes inside is some other Region's message, or made up.
static bool well_addressed(const RaftMessage& message, StoreId own_store) {
    if (message.to_peer.store != own_store || message.to_peer.id == PeerId(0)) return false;
    if (message.from_peer.id == PeerId(0) || message.region == RegionId(0)) return false;
    if (message.tombstone) return true;
    return message.message.from == message.from_peer.id && message.message.to == message.to_peer.id;
}

MessageVerdict judge_for_peer(const RaftMessage& message, StoreId own_store, PeerId own_peer,
                              const Region& region) {
    if (!well_addressed(message, own_store)) return MessageVerdict::kDrop;
    if (message.tombstone) {
        if (message.to_peer.id != own_peer) return MessageVerdict::kDrop;
        // Known here already, or news.
        const bool removed = region.find_peer(own_peer) == nullptr
                                 ? !is_stale(message.epoch, region.epoch)
                                 : is_stale(region.epoch, message.epoch);
        return removed ? MessageVerdict::kDestroy : MessageVerdict::kDrop;
    }
    const bool stranger = region.find_store(message.from_peer.store) == nullptr;
    if (stranger && is_stale(message.epoch, region.epoch)) {
        return is_vote_request(message.message) ? MessageVerdict::kTellTombstone
                                                : MessageVerdict::kDrop;
    }
    if (message.to_peer.id < own_peer) return MessageVerdict::kDrop;
    if (message.to_peer.id > own_peer) {
        // The Store was removed and added again, and the sender has seen it.
        return is_stale(region.epoch, message.epoch) ? MessageVerdict::kReplace
                                                     : MessageVerdict::kDrop;
    }
    // It has applied its own removal and stays in case that it is needed (raft/README.md, rule 6):
    // without a word from the leader it would ask for votes for ever.
    const bool told =
        stranger && is_vote_request(message.message) && !is_stale(region.epoch, message.epoch);
    return told ? MessageVerdict::kTellTombstoneOrStep : MessageVerdict::kStep;
}

MessageVerdict judge_for_missing(const RaftMessage& message, StoreId own_store,
                                 const std::optional<RegionLocalState>& tombstone) {
    if (!well_addressed(message, own_store) || message.tombstone) return MessageVerdict::kDrop;
    if (tombstone) {
        const Region& region = tombstone->region;
        // Whether the sender is gone too is for a leader to tell.
        if (is_stale(message.epoch, region.epoch)) return MessageVerdict::kDrop;
        // A peer that was removed has forgotten its vote; its number never comes back.
        if (message.to_peer.id <= tombstone->peer) return MessageVerdict::kDrop;
    }
    return is_initial_message(message.message) ? MessageVerdict::kCreate : MessageVerdict::kDrop;
}

bool ranges_overlap(std::string_view start, std::string_view end, std::string_view other_start,
                    std::string_view other_end) {
    return memtable::before_end(start, other_end) && memtable::before_end(other_start, end);
}

}  // namespace timber::raftstore
