#pragma once
// What the core wants done, in one batch whose parts cannot be mistaken for each other.
//
//   messages       may be sent at once.
//   write          is to be made durable; writes are done in the order of their numbers.
//   once_durable   messages that may be sent only when write `once_durable.write`, and so every
//                  write before it, is durable. It may be an earlier Ready's write.
//   committed      may be applied now; every one is durable here already.
//   reads, ...     answers to what the driver asked.
//
// Thread:     plain values; the parts may be handed to different threads.
// Invariants: R1  write numbers of one node's life go up by one, without gaps.
//             R2  committed entries are handed over once, in order, without gaps but those that a
//                 snapshot jumps.
//             R3  a message in `messages` promises nothing that a crash could take back.
#include <optional>
#include <string_view>
#include <vector>

#include "raft/message.h"
#include "raft/types.h"

namespace timber::raft {

enum class Role : uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };
std::string_view to_string(Role role);

// Who leads, as far as this node knows; kept nowhere.
struct SoftState {
    Role role = Role::kFollower;
    NodeId leader{};

    friend bool operator==(const SoftState&, const SoftState&) = default;
};

// What must be made durable, all or nothing. In this order: the snapshot replaces the state machine
// and the whole log; the entries replace everything at and above the first one's index; the hard
// state replaces the last. Report it with RawNode::persisted(number), never by index and term: an
// index may be written, truncated and written again with the same term while the first write is
// still on its way, and then the first one's completion says nothing about the second.
//
// Any number up to Config::writes_in_flight_max may be on their way at once. What exceeds
// Config::write_bytes_max goes into the next one.
// The hard state comes along whenever its commit index moved, too: a node that holds a membership
// change in its log must not forget that the one before it is committed, or after a restart it
// could campaign among the members of two changes ago.
struct Write {
    WriteNumber number{};
    std::optional<HardState> hard_state{};
    std::vector<Entry> entries{};
    SnapshotPointer snapshot{};  // the driver installs it before it reports the write
};

struct OnceDurable {
    WriteNumber write{};
    std::vector<Message> messages{};
};

// A read may be served from a state machine that has applied `index`, and is then linearizable.
struct ReadReady {
    ReadId id{};
    LogIndex index{};
};

// Why the core did not take something, or gave it up.
enum class Refusal : uint8_t {
    kNotLeader,         // surely not done; SoftState says who may know better
    kNoLeader,          // nobody to forward the read to
    kTransferPending,   // leadership is being handed over; the next leader will take it
    kUncommittedLimit,  // Config::uncommitted_bytes_max, later perhaps
    kTooLarge,          // Config::entry_bytes_max, or many above uncommitted_bytes_max: never
    kReadLimit,         // Config::reads_max, later perhaps
    kMembershipBusy,    // a change is not applied yet, or this leader has committed nothing yet
    kNotVoter,          // this node, or the node named, has no vote
    kUnknownNode,       // the node named is no member
    kBadChange,         // it would leave no voter, or more members than a group may have
    kAlreadyLeader,     // there is nothing to do
    kPromised,          // this node promised its vote to a leader that may hold a lease
    kDiskStalled,       // report_own_disk() said so
    kUnappliedChange,   // a committed membership change must be applied before a campaign
    kLeadershipLost,    // reads only: another leader may answer
    kTimedOut,          // reads only: no answer for an election timeout; ask again
};
std::string_view to_string(Refusal refusal);

// A read that will not be answered. It had no effect and may be asked again anywhere.
struct ReadDropped {
    ReadId id{};
    Refusal reason{};
};

// What became of proposals that this node accepted, where `committed` does not tell it. Entries
// of `committed` that have the index and the term of a proposal are that proposal: done.
enum class ProposalFate : uint8_t {
    kLeadershipLost,    // unknown for now: it may still commit, and one of the others may follow
    kOverwritten,       // surely not done: another entry is committed in the place of it
                        // or of one before it
    kPassedBySnapshot,  // unknown for good: a snapshot came instead of the entries
};
std::string_view to_string(ProposalFate fate);

// About the proposals [first, last] of this node's leadership of `term`. A proposal ends in
// exactly one of: `committed`, kOverwritten, kPassedBySnapshot; kLeadershipLost may come before.
struct ProposalNotice {
    Term term{};
    LogIndex first{};
    LogIndex last{};
    ProposalFate fate{};
};

struct Ready {
    std::optional<SoftState> soft_state{};  // only where it changed
    std::vector<Message> messages{};
    std::optional<Write> write{};
    OnceDurable once_durable{};
    std::vector<Entry> committed{};
    std::vector<ReadReady> reads{};
    std::vector<ReadDropped> reads_dropped{};
    std::vector<ProposalNotice> proposals{};

    // Nothing to do.
    bool empty() const {
        return !soft_state && messages.empty() && !write && once_durable.messages.empty() &&
               committed.empty() && reads.empty() && reads_dropped.empty() && proposals.empty();
    }
};

}  // namespace timber::raft
