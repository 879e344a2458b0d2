#pragma once
// The state machine behind RawNode; raft.h says what it promises, with the numbers N1 to N14.
//
// Its parts, each in a file of its own:
//   core.cc              life, events, what is durable, limits
//   core_check.cc        which messages are nonsense
//   core_step.cc         terms: which messages are heard, and by whom
//   core_election.cc     ticks, campaigns, votes, roles
//   core_append.cc       the follower's side of replication and snapshots
//   core_replicate.cc    the leader's side
//   core_membership.cc   changes, and a leader that leaves
//   core_transfer.cc     handing leadership over
//   core_read.cc         reads by a round, forwarded reads, leases
//   core_ready.cc        collecting the work
//   core_report.cc       what the driver reports, and status
//   core_invariants.cc   the checker
//
// Which messages wait for the disk: everything that promises something. A vote, and the request
// for votes too: a candidate of term 6 that asks, dies before its vote is durable, and comes back
// in term 5 with a shorter log, would ask for term 6 again, and a vote that was given to its
// longer log would count for the shorter one. And the acknowledgement of entries or a snapshot.
// What does not wait: refusals, and answers to heartbeats, even in a term that is not durable yet.
// They say that this node has seen the term by now; coming back with an earlier one takes nothing
// from that, for the term's leader has its majority of durable votes already. Nor what a leader
// sends: its own vote is durable, and its entries promise nothing of its disk.
//
// Thread:   the node's.
// Lifetime: `storage` outlives the core.
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "raft/log.h"
#include "raft/progress.h"
#include "raft/raft.h"
#include "src/base/random.h"

namespace timber::raft {

class Core {
  public:
    // What create() has read from the storage and found consistent.
    struct Start {
        HardState hard_state;
        ConfState conf_state;
        LogIndex commit;
        LogIndex applied;
        Term last_term;
    };
    Core(const Config& config, const Storage& storage, const Start& start);

    // As in RawNode.
    void tick();
    void observe_time(BootTimeUs now);
    void step(Message message);
    void persisted(WriteNumber number);
    void applied(LogIndex index);
    Proposed propose(std::span<const Payload> payloads, EntryType type);
    Proposed propose_conf_change(const ConfChange& change);
    ConfState apply_conf_change(LogIndex index, const ConfChange& change);
    std::optional<Refusal> read_index(ReadId id);
    std::optional<LeaseRead> begin_lease_read(BootTimeUs now) const;
    bool lease_covers(const LeaseRead& read, BootTimeUs now) const;
    std::optional<Refusal> campaign();
    std::optional<Refusal> transfer_leader(NodeId to);
    void abort_transfer();
    std::optional<Refusal> hand_over();
    void report_unreachable(NodeId node);
    void report_slow(NodeId node, bool slow);
    void report_snapshot(NodeId node, SnapshotReport report);
    void report_own_disk(bool stalled);
    void storage_ready();
    bool has_ready() const;
    Ready ready();
    NodeStatus status() const;
    void check_invariants() const;

    Term term() const { return term_; }
    Role role() const { return role_; }
    NodeId leader() const { return leader_; }
    LogIndex commit() const { return log_.committed(); }
    const Log& log() const { return log_; }

  private:
    enum class Campaign : uint8_t { kPreVote, kVote, kForcedVote };
    enum class OwnVote : uint8_t { kNone, kUnissued, kIssued, kCounted };
    struct VoteRecord {
        NodeId from;
        bool granted;
    };
    // Consecutive proposals of this node's leadership of one term, not resolved yet.
    struct OwnProposals {
        Term term;
        LogIndex first;
        LogIndex last;
    };
    struct LeaderRead {
        NodeId from;     // who asked; this node itself for its own
        uint64_t id;     // a ReadId, or the asking node's number
        uint64_t round;  // 0: waits for a round to start
        LogIndex index;
        uint64_t asked_at_tick;
    };
    struct ForwardedRead {
        ReadId id;
        uint64_t batch;  // 0: not sent yet
        uint64_t asked_at_tick;
    };
    struct Round {
        uint64_t number;
        std::optional<BootTimeUs> sent_at;
    };

    // core.cc: sending, and what is durable
    void send(Message message);
    // Holds a message that promises something until the term and the vote as they are now, and the
    // log up to `log_needed` as it is now, are durable.
    void send_durable(Message message, LogIndex log_needed);
    bool vote_durable() const;
    void ignore() { ++messages_ignored_; }
    void set_hard_state(Term term, NodeId vote);

    // core_check.cc
    bool nonsense(const Message& message) const;

    // core_step.cc
    void step_higher_term(const Message& message);
    void step_lower_term(const Message& message);
    void step_current_term(Message& message);
    void step_from_leader(Message& message);
    void step_leader(const Message& message);

    // core_election.cc
    void tick_follower();
    void tick_leader();
    void become_follower(Term term, NodeId leader);
    void become_pre_candidate();
    void become_candidate();
    void become_leader();
    void leave_role();
    void restart_election_timer();
    std::optional<Refusal> start_campaign(Campaign kind);
    bool may_campaign_without_vote() const;
    void run_campaign(Campaign kind);
    void handle_vote_request(const Message& message);
    void handle_vote_response(const Message& message);
    void count_vote(NodeId from, bool granted);
    bool promise_held() const;
    bool promise_held_by_clock() const;
    void renew_promise();
    bool quorum_active() const;

    // core_append.cc
    void handle_append(const Message& message);
    void handle_heartbeat(const Message& message);
    void handle_snapshot(const Message& message);
    bool restore(const SnapshotPointer& snapshot);
    void acknowledge_append(NodeId to, LogIndex index);

    // core_replicate.cc
    void handle_append_response(const Message& message);
    void handle_heartbeat_response(const Message& message);
    void handle_rejection(Progress& progress, const Message& message);
    void append_own(EntryType type, Payload payload);
    bool maybe_commit();
    void flush_appends();
    bool tells_commit(const Progress& progress, LogIndex commit) const;
    bool send_append(Progress& progress, bool even_if_empty);
    bool send_snapshot(Progress& progress);
    void broadcast_heartbeat();
    Progress* find_progress(NodeId id);
    const Progress* find_progress(NodeId id) const;
    bool committed_own_term() const;

    // core_membership.cc
    void set_conf(ConfState conf);
    void sync_progress(bool newcomers_active);
    bool membership_settled() const;
    void start_leaving(LogIndex told);
    void check_left();

    // core_transfer.cc
    void handle_transfer_request(const Message& message);
    void handle_timeout_now(const Message& message);
    void continue_transfer(const Progress& progress);
    void send_timeout_now(NodeId to);
    void tick_transfer();

    // core_read.cc
    void handle_read_request(const Message& message);
    void handle_read_response(const Message& message);
    bool round_due() const;
    void start_round();
    void flush_reads();
    void confirm_rounds();
    void extend_lease();
    void answer_reads(uint64_t confirmed);
    void drop_leader_reads(Refusal reason);
    void drop_forwarded_reads(Refusal reason);
    void tick_reads();
    void restart_lease();
    bool lease_valid(BootTimeUs now) const;

    // core_ready.cc
    bool needs_write() const;
    bool can_write() const;
    void take_write(Ready& out);
    void take_gated(Ready& out);
    void take_committed(Ready& out);
    void resolve_own_proposals(std::span<const Entry> handed_over);
    void pass_own_proposals(LogIndex snapshot_index);
    void report_leadership_lost();

    const Config config_;
    Random random_;
    Log log_;
    ConfState conf_;
    // As of the applied index, while a snapshot is pending whose membership is in force already.
    ConfState conf_before_snapshot_;

    // What must be durable, and how far it is.
    Term term_;
    NodeId vote_;
    HardState issued_hard_;
    WriteNumber hard_write_{};  // the write that holds term_ and vote_, if they are issued
    WriteNumber last_write_{};
    WriteNumber persisted_{};

    // Role and election.
    Role role_ = Role::kFollower;
    NodeId leader_{};
    SoftState reported_soft_{};
    uint64_t tick_count_ = 0;
    uint32_t election_elapsed_ = 0;
    uint32_t heartbeat_elapsed_ = 0;
    uint32_t election_timeout_ = 0;
    uint32_t silent_timeouts_ = 0;  // since a leader was heard
    std::vector<VoteRecord> votes_;
    OwnVote own_vote_ = OwnVote::kNone;
    WriteNumber own_vote_write_{};
    std::optional<BootTimeUs> now_;
    BootTimeUs promised_until_{};
    bool disk_stalled_ = false;

    // Leadership.
    std::vector<Progress> progress_;  // sorted by id
    bool appends_due_ = false;
    LogIndex first_own_index_{};  // the entry that opened the term
    LogIndex commit_at_start_{};  // the commit index when leadership began
    LogIndex pending_change_{};   // no change may be proposed before this is applied
    NodeId transferee_{};
    NodeId transferee_given_up_{};  // the last one that did not take over in time
    uint32_t transfer_elapsed_ = 0;
    bool leaving_ = false;
    uint32_t leaving_elapsed_ = 0;
    LogIndex leaving_index_{};
    LogIndex changes_known_after_{};  // whoever holds a later entry knows this node's membership
    size_t uncommitted_bytes_ = 0;

    // Reads.
    std::deque<LeaderRead> leader_reads_;
    std::deque<ForwardedRead> forwarded_reads_;
    uint64_t forward_batch_;
    uint64_t round_ = 0;
    std::deque<Round> rounds_;  // sent and not confirmed
    std::optional<BootTimeUs> lease_start_;
    bool lease_forfeited_ = false;

    // The way out.
    std::vector<OwnProposals> own_proposals_;  // terms and indices of a range go up
    std::vector<Message> messages_;
    std::vector<Message> gated_;  // all of this term; of each kind one to a node
    std::vector<ReadReady> reads_out_;
    std::vector<ReadDropped> reads_dropped_out_;
    std::vector<ProposalNotice> notices_out_;
    uint64_t messages_ignored_ = 0;
};

}  // namespace timber::raft
