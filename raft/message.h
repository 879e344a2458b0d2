#pragma once
// What nodes of a group say to each other. One flat struct; which fields a kind uses is listed
// here.
//
// Thread: a plain value. Sharing an entry's payload or a snapshot between threads is safe.
// A message from outside may hold anything at all: RawNode::step() checks it before it believes it.
#include <cstdint>
#include <string_view>
#include <vector>

#include "raft/types.h"

namespace timber::raft {

enum class MessageType : uint8_t {
    // Asks for a vote. index and log_term: the last entry of the candidate. forced: on a leader's
    // order to take over, so voters that still hear from that leader answer too.
    kVote,
    // The answer. reject.
    kVoteResponse,
    // Asks whether a vote would be given, for `term`, which the sender has not entered yet.
    kPreVote,
    // The answer: for a grant `term` is the asked one, for a refusal the voter's own.
    kPreVoteResponse,
    // Entries after (index, log_term), and the leader's commit.
    kAppend,
    // The answer. Accepted: all up to `index` is durable here and equals the leader's log.
    // Rejected: reject, `index` as asked, and (reject_hint, log_term), the last entry here that
    // could match. commit: what the follower knows to be committed.
    kAppendResponse,
    // The leader lives. commit: no further than the follower is known to match. round: see below.
    kHeartbeat,
    // The answer. round as asked; commit as in kAppendResponse. promised: the follower votes for
    // nobody else for a while, by its clock and across a restart, so the round counts for a lease.
    kHeartbeatResponse,
    // A snapshot, for a follower that is behind the leader's first entry. Answered by
    // kAppendResponse, once the write that installs the snapshot is durable.
    kSnapshot,
    // To the leader: please let `node` lead.
    kTransferLeader,
    // From the leader: campaign at once.
    kTimeoutNow,
    // To the leader: confirm a read. round: the asking node's number of the read.
    kReadIndex,
    // The answer: serve it once `index` is applied, or reject. round as asked.
    kReadIndexResponse,
};
inline constexpr MessageType kMessageTypeLast = MessageType::kReadIndexResponse;

std::string_view to_string(MessageType type);

struct Message {
    MessageType type = MessageType::kHeartbeat;
    NodeId from{};
    NodeId to{};
    Term term{};
    bool reject = false;
    bool forced = false;
    bool promised = false;
    LogIndex index{};
    Term log_term{};
    LogIndex commit{};
    LogIndex reject_hint{};
    // Numbers the heartbeat rounds of a leader, or the forwarded reads of a follower. A response
    // repeats it, which ties the answer to the moment the question was sent.
    uint64_t round = 0;
    NodeId node{};
    std::vector<Entry> entries{};
    SnapshotPointer snapshot{};

    friend bool operator==(const Message& left, const Message& right);
};

}  // namespace timber::raft
