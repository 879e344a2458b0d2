#pragma once
// The consensus core: Raft as a state machine without I/O, clock or thread. This is the library's
// front door; every other header of raft/, except those included here, is internal.
//
// In go messages, ticks, proposals and completions; out comes one Ready. The driver sends, writes
// and applies, and reports what is durable and what is applied, in its own time: several writes
// may be on their way while the node goes on. README.md shows a driver.
//
// Thread:     one thread at a time. Nothing is called back, nothing blocks.
// Lifetime:   `storage` outlives the node; Ready and NodeStatus are values and outlive everything.
// Invariants: checked by check_invariants(), in tests after each step:
//             N1   the term never goes down, and the vote of a term, once given, stays.
//             N2   applied <= handed over <= commit <= last index.
//             N3   nothing is handed over that is not durable here.
//             N4   durable index <= index given out to be written <= last index.
//             N5   what is in memory follows on the storage, or on the pending snapshot, without
//                  a gap; terms in it never go down, nor above the node's term.
//             N6   a leader's log ends in its own term, and its own match is its durable index.
//             N7   match < next, and match <= last index, for every follower.
//             N8   a leader commits no entry of an earlier term before one of its own.
//             N9   only a leader has progress, reads of its own and a transfer; it follows itself.
//             N10  a candidate voted for itself, and is counted only once that is durable.
//             N11  the configuration is well-formed: lists sorted, no learner is a voter.
//             N12  no limit of the Config is exceeded by more than the one item that may.
//             N13  writes are numbered without gaps; those in flight cover no truncated entry.
//             N14  no lease is used in a term in which leadership was offered to another node.
// Failure:    a message may hold any nonsense: it is ignored and counted. Wrong use by the driver
//             (completions of writes never given out, applying what was not handed over) is a bug
//             and stops the process. A write that failed must never be reported; stop the node.
#include <memory>
#include <optional>
#include <span>

#include "raft/config.h"
#include "raft/message.h"
#include "raft/ready.h"
#include "raft/status.h"
#include "raft/storage.h"
#include "raft/types.h"

namespace timber::raft {

class Core;

// The answer to a proposal: refused, and then surely not done; or given the places
// [first_index, first_index + count) of `term`. See ProposalNotice for how it ends.
struct [[nodiscard]] Proposed {
    std::optional<Refusal> refusal{};
    Term term{};
    LogIndex first_index{};

    bool accepted() const { return !refusal.has_value(); }
};

// A read under a lease: valid if the lease still covers it after the read.
struct LeaseRead {
    Term term{};
    LogIndex index{};  // serve the read from a state that has applied this
};

enum class SnapshotReport : uint8_t {
    kSending,    // still under way: the time to wait for its acknowledgement starts anew
    kDelivered,  // the follower has it and is installing it
    kFailed,     // it did not arrive; the core tries again
};

class RawNode {
  public:
    // Starts from what `storage` holds, all of which must be durable. kInvalidArgument for a bad
    // config, kCorrupted where storage contradicts itself or the applied index.
    static Result<RawNode> create(const Config& config, const Storage& storage);
    RawNode(RawNode&&) noexcept;
    RawNode& operator=(RawNode&&) noexcept;
    ~RawNode();

    // --- Events ---

    // The only time that elections and heartbeats know. Call it at a steady pace.
    void tick();
    // A reading of the node's boot-time clock. With leases on, call it before each step(), taken
    // after the message arrived, and before each tick() and ready(). Never goes back.
    void observe_time(BootTimeUs now);
    // A message from another node. Whatever it holds, it is safe.
    void step(Message message);
    // Everything up to this write is durable, and readable from the storage. In any step upwards.
    void persisted(WriteNumber number);
    // The state machine holds the effects up to `index`, which was handed over.
    void applied(LogIndex index);

    // --- Requests ---

    // Appends commands to the log, if this node leads: in order, in consecutive places, all or
    // none. The payloads are shared, not copied.
    Proposed propose(Payload payload);
    Proposed propose(std::span<const Payload> payloads);
    // Proposes a change of membership. One at a time: kMembershipBusy until the one before it is
    // applied, and until this leader has committed an entry of its own term.
    Proposed propose_conf_change(const ConfChange& change);
    // A committed change, entry `index`, takes effect when the driver says so, in order with what
    // it applies and before it reports it applied. Gives the membership as of that index, to be
    // stored with it. A change that the driver decides against is just not applied.
    ConfState apply_conf_change(LogIndex index, const ConfChange& change);

    // Confirms that this node, or the leader it asks, still leads. The answer comes in
    // Ready::reads or Ready::reads_dropped, exactly once. All reads that wait share one round.
    [[nodiscard]] std::optional<Refusal> read_index(ReadId id);
    // A read without a round, where the lease holds at `now`. Nothing if leases are off or it
    // does not; then use read_index().
    std::optional<LeaseRead> begin_lease_read(BootTimeUs now) const;
    // Whether what was read since begin_lease_read() may be answered; `now` is taken after the
    // read. The process may have been stopped in between.
    bool lease_covers(const LeaseRead& read, BootTimeUs now) const;

    // Starts an election now: a node that is no leader, in a group that has none.
    std::optional<Refusal> campaign();
    // Hands leadership to a voter, when it has caught up; proposals are refused meanwhile. Given
    // up after an election timeout. On a follower, asks the leader.
    std::optional<Refusal> transfer_leader(NodeId to);
    void abort_transfer();
    // Transfers to the follower that is best placed; kUnknownNode if none answers.
    std::optional<Refusal> hand_over();

    // --- Reports ---

    // Messages to `node` may have been lost.
    void report_unreachable(NodeId node);
    // `node` is short of room, disk or time: send it little, and prefer others as leader.
    void report_slow(NodeId node, bool slow);
    void report_snapshot(NodeId node, SnapshotReport report);
    // The own disk does not get on: a node that says so does not campaign, and as a leader hands
    // over, trying again until it can.
    void report_own_disk(bool stalled);
    // The storage may now give what it did not: entries after an error, or the snapshot that was
    // being made. Without it the core asks again by itself, with ticks and heartbeats.
    void storage_ready();

    // --- The way out ---

    bool has_ready() const;
    // Everything there is to do. Each thing is given out once.
    Ready ready();

    // --- Observers ---

    NodeStatus status() const;
    Term term() const;
    Role role() const;
    NodeId leader() const;
    LogIndex commit() const;
    // The snapshot that this node is to install: null once the write that holds it was reported, or
    // if the last one that arrived was not needed.
    SnapshotPointer pending_snapshot() const;
    // What the log holds now, for tools and tests: the term at a place, nothing outside the log;
    // and the entries [low, high), fewer where they are compacted.
    std::optional<Term> term_at(LogIndex index) const;
    std::vector<Entry> entries(LogIndex low, LogIndex high) const;
    // Stops the process with the number of the invariant that does not hold (see above).
    void check_invariants() const;

  private:
    explicit RawNode(std::unique_ptr<Core> core);

    std::unique_ptr<Core> core_;
};

}  // namespace timber::raft
