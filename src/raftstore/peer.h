#pragma once
// One Region's replica on this Store: its Raft node, driven on the storage engine.
//
// In a turn of the Store's loop a Peer first takes in what came for it (messages, requests, ticks),
// then handle_ready() carries out what Raft wants: messages that may go go at once, writes wait for
// the Store's next batch, committed entries for apply_committed(). Everything else waits for the
// engine to call back.
//
// Files: peer.cc        life, messages, ticks
//        peer_ready.cc  what Raft wants, writes, installs
//        peer_apply.cc  committed entries and what they lead to
//        peer_request.cc  checks and proposals
//        peer_read.cc   reads
//        peer_gc.cc     compaction of the log
//
// Thread:     the loop.
// Lifetime:   the host outlives it. Destroyed when nothing of it is at the disk.
// Invariants: PE1  entries are applied once and in order; a proposal is answered when its entry, by
//                  index and term, was applied.
//             PE2  nothing that waits for a write is sent before it is durable.
//             PE3  while a snapshot is installed the Region writes and applies nothing else.
//             PE4  once it is being destroyed it answers, sends and writes nothing more.
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "src/raftstore/apply.h"
#include "src/raftstore/log_sizes.h"
#include "src/raftstore/peer_host.h"
#include "src/raftstore/peer_storage.h"
#include "src/raftstore/peer_writes.h"
#include "src/raftstore/proposals.h"
#include "src/raftstore/reads.h"
#include "src/raftstore/request_checks.h"
#include "src/raftstore/write_gate.h"

namespace timber::raftstore {

// A snapshot whose files have arrived in the state store's directory and are verified.
struct ReceivedSnapshot {
    raft::SnapshotMetadata metadata{};
    SnapshotManifest manifest{};
    std::vector<storage::SnapshotFile> files{};
};

class Peer {
  public:
    static Result<std::unique_ptr<Peer>> create(PeerHost& host, storage::AppliedState applied,
                                                RegionLocalState local, uint64_t seed);
    ~Peer();

    const Region& region() const { return storage_.region(); }
    RegionId region_id() const { return storage_.region().id; }
    PeerId id() const { return storage_.local().peer; }
    bool initialized() const { return storage_.local().state == PeerState::kNormal; }
    bool leads() const { return node_->role() == raft::Role::kLeader; }
    std::optional<PeerMeta> leader() const;
    const PeerStorage& storage() const { return storage_; }
    PeerStorage& storage() { return storage_; }
    PeerStatus status() const;
    // Whether a peer that is no member any more may hear so from this one.
    bool may_tell_removed() const;

    // --- What comes in ---

    void tick();
    // Checked by judge_for_peer().
    void step(const PeerMeta& from, raft::Message message);
    // The files are the Region's from here on if it gives true; otherwise Raft had no use for them.
    bool step_snapshot(const PeerMeta& from, raft::Message message, ReceivedSnapshot received);
    // One that is applied already: without its files, for the answer.
    void step_passed_snapshot(const PeerMeta& from, raft::Message message);
    bool can_take_snapshot() const { return !incoming_ && !destroying_; }
    void submit(Request request, Callback callback);
    void campaign();
    bool hand_over();
    void entries_ready();
    void unreachable(StoreId store);
    void report_snapshot(PeerId to, raft::SnapshotReport report);
    void compact_log_now(raft::LogIndex index);
    void gc_log();

    // --- The turn ---

    bool has_work() const { return node_->has_ready() || reads_.has_new(); }
    void handle_ready();
    bool has_to_apply() const { return !apply_queue_.empty() || prepared_.has_value(); }
    void apply_committed();

    // --- Writes ---

    PeerWrites& writes() { return writes_; }
    // Adds the first `count` writes that wait.
    void add_writes(size_t count, storage::WriteBatch& batch);
    void writes_durable(raft::WriteNumber number);
    void writes_refused(raft::WriteNumber first, raft::WriteNumber last);
    // For planted mistakes: sends what waits for the disk; the first of two steps of an install.
    void send_held();
    bool clear_first(storage::WriteBatch& batch);

    // --- The end ---

    // Answers everything; nothing more comes in. The Store commits the rest.
    void begin_destroy();
    bool destroying() const { return destroying_; }
    // No install is under way, which would write after the destruction.
    bool can_destroy() const { return !writes_.installing(); }
    // No turn comes any more, because of `why`. Every callback gets kUnknown, or, of reads,
    // kNotDone.
    void fail_all(const std::string& why);

    void check_invariants() const;

  private:
    // Entries applied together, computed and waiting for the engine.
    struct Prepared {
        storage::AppliedState state;
        RegionLocalState local;
        memtable::WriteBatch effects;
        std::vector<raft::Entry> entries;
        std::vector<AppliedKind> kinds;
    };

    Peer(PeerHost& host, storage::AppliedState applied, RegionLocalState local);

    // peer.cc
    void remember(const PeerMeta& peer);
    std::optional<PeerMeta> meta_of(PeerId peer) const;
    void send(raft::Message message);
    void observe_time();
    void probe_creator();
    void expire_proposals();

    // peer_ready.cc
    void carry_out(raft::Ready ready);
    void take_write(raft::Write write);
    void begin_install(const raft::Snapshot& snapshot);
    void finish_install();
    storage::SnapshotInstall install_of(const ReceivedSnapshot& received) const;
    void notice(const raft::ProposalNotice& notice);

    // peer_apply.cc
    Status prepare();
    Status prepare_entry(const raft::Entry& entry, Prepared& prepared);
    void applied(Prepared done);
    void answer_applied(const raft::Entry& entry, AppliedKind kind);
    void change_members(const raft::Entry& entry, AppliedKind kind);
    void drop_apply_queue();

    // peer_request.cc
    RequestHeader internal_header() const;
    std::optional<RegionError> check(RequestKind kind, const RequestHeader& header) const;
    void request(WriteRequest& request, Callback callback);
    void request(CompactLogRequest& request, Callback callback);
    void request(ChangePeerRequest& request, Callback callback);
    void request(TransferLeaderRequest& request, Callback callback);
    template <typename ReadKind>
    void request_read(ReadKind& request, std::string_view key, Callback callback);
    void request(GetRequest& request, Callback callback);
    void request(ScanRequest& request, Callback callback);
    void request(SnapRequest& request, Callback callback);
    void propose_held();
    void proposed(const raft::Proposed& proposed, Callback callback);
    void refuse_held(std::vector<HeldWrite> held, const RegionError& error);
    RegionError refusal_error(raft::Refusal refusal) const;
    void answer(Callback& callback, Response response);

    // peer_read.cc
    void start_read(Read read);
    void ask_for_reads();
    void serve_reads();
    void serve(Read read);
    void serve_get(Read read, const GetRequest& get);
    void serve_scan(Read read, const ScanRequest& scan);
    void serve_snap(Read read);
    void finish_read(Read read, Result<Response> response);
    void run_read_job(Read read);
    void refuse_reads(std::vector<Read> reads, const RegionError& error);

    PeerHost& host_;
    PeerStorage storage_;
    std::optional<raft::RawNode> node_;
    PeerWrites writes_;
    WriteGate gate_;
    Proposals proposals_;
    Reads reads_;
    uint64_t last_read_id_ = 0;
    size_t reads_running_ = 0;  // in jobs
    // Committed, and not applied yet.
    std::deque<raft::Entry> apply_queue_;
    std::optional<Prepared> prepared_;
    // A snapshot that Raft took, until it is installed.
    std::optional<ReceivedSnapshot> incoming_;
    bool cleared_first_ = false;  // for a planted mistake
    // Peers that spoke up and may not be in the Region as it is here.
    std::map<PeerId, PeerMeta> speakers_;
    LogSizes log_sizes_;
    // The last CompactLog of this leadership, so that the same is not proposed twice.
    raft::LogIndex compaction_proposed_{};
    // When a peer without state heard from anybody.
    uint64_t heard_at_tick_ = 0;
    raft::SoftState soft_{};
    bool destroying_ = false;
    std::optional<std::string> ended_{};  // by fail_all()
};

}  // namespace timber::raftstore
