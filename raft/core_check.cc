// Which messages are nonsense: what no honest node sends, whatever was lost or late.
//
// What passes here may still be stale, or from a node that is no member any more; that is life,
// and the handlers deal with it.
#include "raft/core.h"
#include "raft/membership.h"

namespace timber::raft {

static bool entries_sound(const Message& message) {
    if (message.index + message.entries.size() > kLogIndexMax) return false;
    LogIndex expected = message.index;
    Term term = message.log_term;
    for (const Entry& entry : message.entries) {
        ++expected;
        if (entry.index != expected) return false;
        if (entry.term < term || entry.term == Term(0)) return false;
        if (entry.type > EntryType::kConfChange) return false;
        term = entry.term;
    }
    // A leader has no entry of a term that comes after its own. (Without entries, a log_term that
    // does matches nothing here, and is refused as any mismatch.)
    return message.entries.empty() || term <= message.term;
}

static bool snapshot_sound(const Message& message) {
    if (!message.snapshot) return false;
    const SnapshotMetadata& metadata = message.snapshot->metadata;
    if (metadata.index == LogIndex(0) || metadata.index > kLogIndexMax) return false;
    if (metadata.term == Term(0) || metadata.term > message.term) return false;
    // A group without a voter could never elect anybody again; no change leads there.
    return !metadata.conf_state.voters.empty() && well_formed(metadata.conf_state);
}

bool Core::nonsense(const Message& message) const {
    if (message.type > kMessageTypeLast) return true;
    if (message.from == kNobody || message.from == config_.id) return true;
    if (message.to != config_.id) return true;
    if (message.term == Term(0) || message.term > kTermMax) return true;
    if (message.term > term_ && message.term - term_ > kTermLeapMax) return true;
    if (message.log_term > kTermMax || message.index > kLogIndexMax) return true;
    if (message.commit > kLogIndexMax || message.reject_hint > kLogIndexMax) return true;
    switch (message.type) {
        case MessageType::kAppend: return !entries_sound(message);
        case MessageType::kSnapshot: return !snapshot_sound(message);
        case MessageType::kVote:
        case MessageType::kPreVote:
            // No candidate has an entry of a term that comes after the one it asks for.
            return message.log_term > message.term;
        case MessageType::kAppendResponse: return message.log_term > message.term;
        case MessageType::kTransferLeader: return message.node == kNobody;
        case MessageType::kVoteResponse:
        case MessageType::kPreVoteResponse:
        case MessageType::kHeartbeat:
        case MessageType::kHeartbeatResponse:
        case MessageType::kTimeoutNow:
        case MessageType::kReadIndex:
        case MessageType::kReadIndexResponse: return false;
    }
    return true;
}

}  // namespace timber::raft
