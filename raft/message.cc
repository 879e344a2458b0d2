#include "raft/message.h"

#include <tuple>

namespace timber::raft {

std::string_view to_string(MessageType type) {
    switch (type) {
        case MessageType::kVote: return "Vote";
        case MessageType::kVoteResponse: return "VoteResponse";
        case MessageType::kPreVote: return "PreVote";
        case MessageType::kPreVoteResponse: return "PreVoteResponse";
        case MessageType::kAppend: return "Append";
        case MessageType::kAppendResponse: return "AppendResponse";
        case MessageType::kHeartbeat: return "Heartbeat";
        case MessageType::kHeartbeatResponse: return "HeartbeatResponse";
        case MessageType::kSnapshot: return "Snapshot";
        case MessageType::kTransferLeader: return "TransferLeader";
        case MessageType::kTimeoutNow: return "TimeoutNow";
        case MessageType::kReadIndex: return "ReadIndex";
        case MessageType::kReadIndexResponse: return "ReadIndexResponse";
    }
    return "Unknown";
}

bool operator==(const Message& left, const Message& right) {
    const auto plain = [](const Message& m) {
        return std::tie(m.type, m.from, m.to, m.term, m.reject, m.forced, m.promised, m.index,
                        m.log_term, m.commit, m.reject_hint, m.round, m.node, m.entries);
    };
    if (plain(left) != plain(right)) return false;
    if (!left.snapshot || !right.snapshot) return !left.snapshot && !right.snapshot;
    return *left.snapshot == *right.snapshot;
}

}  // namespace timber::raft
