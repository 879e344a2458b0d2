#pragma once
// What a Store decides about a Raft message before it comes near a Raft node: whether it may make a
// peer, whether its sender is behind (tinykv's rules for existing and missing peers).
//
// Thread: pure functions.
#include "src/raftstore/region.h"
#include "src/raftstore/transport.h"

namespace timber::raftstore {

// Requests for votes.
inline bool is_vote_request(const raft::Message& message) {
    return message.type == raft::MessageType::kVote || message.type == raft::MessageType::kPreVote;
}
// Only these make a peer where there is none: a request for a vote, or a leader's first heartbeat,
// which knows nothing of what the newcomer has.
inline bool is_initial_message(const raft::Message& message) {
    return is_vote_request(message) ||
           (message.type == raft::MessageType::kHeartbeat && message.commit == raft::LogIndex(0));
}

enum class MessageVerdict : uint8_t {
    kStep,           // to the Raft node
    kDrop,           // nonsense, or of no meaning any more
    kTellTombstone,  // drop it, and tell the sender that it is no member any more
    // Tell the sender so if this peer may; to the Raft node if it may not.
    kTellTombstoneOrStep,
    kDestroy,  // this peer is no member any more
    kReplace,  // this peer is another's predecessor: destroy it, and look again
    kCreate,   // make a peer
};

// For a Region that has a peer here.
MessageVerdict judge_for_peer(const RaftMessage& message, StoreId own_store, PeerId own_peer,
                              const Region& region);
// For one that has none; `tombstone` where there was one.
MessageVerdict judge_for_missing(const RaftMessage& message, StoreId own_store,
                                 const std::optional<RegionLocalState>& tombstone);

// Whether [start, end) and [other_start, other_end) share a key; an empty end is no limit.
bool ranges_overlap(std::string_view start, std::string_view end, std::string_view other_start,
                    std::string_view other_end);

}  // namespace timber::raftstore
