#include "src/raftstore/peer.h"

#include "src/base/io/log.h"
#include "src/raftstore/message_checks.h"
#include "src/raftstore/request_checks.h"

namespace timber::raftstore {

// Peers that are remembered although the Region does not name them.
static constexpr size_t kSpeakersMax = 64;

static raft::Config config_of(PeerHost& host, PeerId id, raft::LogIndex applied, uint64_t seed) {
    const StoreOptions& options = host.options();
    raft::Config config;
    config.id = id;
    config.applied = applied;
    config.seed = seed;
    config.election_ticks = options.election_ticks;
    config.heartbeat_ticks = options.heartbeat_ticks;
    config.commits_told_at_once = false;
    config.message_bytes_max = options.append_bytes_max;
    config.uncommitted_bytes_max = options.uncommitted_bytes_max;
    config.write_bytes_max = host.write_bytes_max();
    config.entry_bytes_max = host.command_bytes_max();
    config.inflight_bytes_max = 16_MiB;
    // The engine keeps recent entries too, for all Regions together.
    config.log_cache_bytes_max = 1_MiB;
    config.lease_reads = options.lease_reads;
    config.tick_us = static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(options.tick).count());
    config.clock_drift_per_mille_max = options.clock_drift_per_mille_max;
    return config;
}

Peer::Peer(PeerHost& host, storage::AppliedState applied, RegionLocalState local)
    : host_(host),
      storage_(host, std::move(applied), std::move(local)),
      log_sizes_(std::max<uint64_t>(host.options().log_gc_bytes / 64, 1)),
      heard_at_tick_(host.ticks()) {}

Result<std::unique_ptr<Peer>> Peer::create(PeerHost& host, storage::AppliedState applied,
                                           RegionLocalState local, uint64_t seed) {
    const raft::Config config = config_of(host, local.peer, applied.applied, seed);
    std::unique_ptr<Peer> peer(new Peer(host, std::move(applied), std::move(local)));
    TIMBER_TRY(peer->node_, raft::RawNode::create(config, peer->storage_));
    peer->observe_time();
    return peer;
}

Peer::~Peer() { TIMBER_ASSERT(proposals_.size() == 0); }

void Peer::observe_time() {
    if (!host_.options().lease_reads) return;
    const Instant now = host_.loop().clock().boot_now();
    node_->observe_time(raft::BootTimeUs(static_cast<uint64_t>(now.nanoseconds) / 1000));
}

std::optional<PeerMeta> Peer::leader() const {
    const PeerId leader = node_->leader();
    return leader == raft::kNobody ? std::nullopt : meta_of(leader);
}

std::optional<PeerMeta> Peer::meta_of(PeerId peer) const {
    if (const PeerMeta* member = region().find_peer(peer)) return *member;
    const auto speaker = speakers_.find(peer);
    if (speaker != speakers_.end()) return speaker->second;
    return std::nullopt;
}

void Peer::remember(const PeerMeta& peer) {
    heard_at_tick_ = host_.ticks();
    if (region().find_peer(peer.id) != nullptr) return;
    if (speakers_.size() >= kSpeakersMax && !speakers_.contains(peer.id)) {
        speakers_.erase(speakers_.begin());
    }
    speakers_.insert_or_assign(peer.id, peer);
}

void Peer::step(const PeerMeta& from, raft::Message message) {
    if (destroying_) return;
    // Snapshots come with their files, through step_snapshot().
    if (message.type == raft::MessageType::kSnapshot) return;
    remember(from);
    observe_time();
    node_->step(std::move(message));
    host_.wake(region_id());
}

bool Peer::step_snapshot(const PeerMeta& from, raft::Message message, ReceivedSnapshot received) {
    TIMBER_ASSERT(can_take_snapshot());
    remember(from);
    observe_time();
    node_->step(std::move(message));
    host_.wake(region_id());
    const raft::SnapshotPointer pending = node_->pending_snapshot();
    if (!pending || pending->metadata != received.metadata) return false;
    incoming_ = std::move(received);
    return true;
}

void Peer::step_passed_snapshot(const PeerMeta& from, raft::Message message) {
    TIMBER_ASSERT(message.snapshot != nullptr);
    TIMBER_ASSERT_OP(message.snapshot->metadata.index, <=, storage_.applied().applied);
    remember(from);
    observe_time();
    node_->step(std::move(message));
    host_.wake(region_id());
}

void Peer::send(raft::Message message) {
    if (destroying_) return;
    const std::optional<PeerMeta> to = meta_of(message.to);
    if (!to || to->store == host_.identity().store) return;
    RaftMessage out;
    out.region = region_id();
    const PeerMeta* self = region().find_peer(id());
    out.from_peer = self != nullptr ? *self : PeerMeta{.id = id(), .store = host_.identity().store};
    out.to_peer = *to;
    out.epoch = region().epoch;
    if (initialized() && is_initial_message(message)) {
        out.start_key = region().start_key;
        out.end_key = region().end_key;
    }
    const bool is_snapshot = message.type == raft::MessageType::kSnapshot;
    out.message = std::move(message);
    if (is_snapshot) return host_.send_snapshot(*this, std::move(out));
    host_.send(std::move(out));
}

void Peer::tick() {
    if (destroying_) return;
    observe_time();
    node_->tick();
    if (gate_.size() + proposals_.size() > 0) expire_proposals();
    if (!initialized()) probe_creator();
    if (storage_.has_snapshot()) {
        const Duration idle = host_.options().snapshot_idle_timeout;
        storage_.drop_idle_snapshot(static_cast<uint64_t>(idle / host_.options().tick) + 1);
    }
    if (has_work()) host_.wake(region_id());
}

// A peer that waits for its first snapshot is silent, and may have been removed before it came.
// Asked for a vote that nobody could give, who knows that will say so; nobody else minds.
void Peer::probe_creator() {
    const uint64_t silent = host_.ticks() - heard_at_tick_;
    if (silent < uint64_t{4} * host_.options().election_ticks) return;
    heard_at_tick_ = host_.ticks();
    for (const auto& [peer, meta] : speakers_) {
        raft::Message ask{.type = raft::MessageType::kPreVote, .from = id(), .to = peer};
        ask.term = node_->term() + 1;
        send(std::move(ask));
    }
}

void Peer::expire_proposals() {
    const StoreOptions& options = host_.options();
    const auto before = [&](uint64_t ticks) {
        return host_.ticks() > ticks ? host_.ticks() - ticks : 0;
    };
    std::vector<Proposal> expired =
        proposals_.take_expired(before(options.election_ticks), before(options.proposal_ticks_max));
    for (Proposal& proposal : expired) {
        answer(proposal.callback, unknown("no majority has answered in time", proposal.term));
    }
    refuse_held(gate_.take_expired(before(options.proposal_ticks_max)),
                server_busy("no majority answers"));
}

void Peer::campaign() {
    if (destroying_) return;
    // Where it may not, another will.
    TIMBER_MAYBE(node_->campaign());
    host_.wake(region_id());
}

bool Peer::hand_over() {
    if (destroying_ || !leads()) return false;
    const bool under_way = !node_->hand_over().has_value();
    host_.wake(region_id());
    return under_way;
}

void Peer::entries_ready() {
    node_->storage_ready();
    host_.wake(region_id());
}

void Peer::unreachable(StoreId store) {
    const PeerMeta* peer = region().find_store(store);
    if (peer == nullptr || destroying_) return;
    node_->report_unreachable(peer->id);
    if (has_work()) host_.wake(region_id());
}

void Peer::report_snapshot(PeerId to, raft::SnapshotReport report) {
    if (destroying_) return;
    node_->report_snapshot(to, report);
    if (has_work()) host_.wake(region_id());
}

// Told too early it would be gone, with its vote and its log, while the others may still need it.
bool Peer::may_tell_removed() const { return leads() && node_->status().membership_settled; }

void Peer::begin_destroy() {
    TIMBER_ASSERT(!destroying_);
    log_info("Region {}: peer {} is no member any more, and goes", region_id().value(),
             id().value());
    for (Proposal& proposal : proposals_.take_all()) {
        answer(proposal.callback, unknown("the peer was removed", proposal.term));
    }
    refuse_held(gate_.take_all(), region_not_found(region_id()));
    refuse_reads(reads_.take_all(), region_not_found(region_id()));
    apply_queue_.clear();
    prepared_.reset();
    destroying_ = true;
}

void Peer::fail_all(const std::string& why) {
    ended_ = why;
    for (Proposal& proposal : proposals_.take_all()) {
        answer(proposal.callback, unknown(why, proposal.term));
    }
    refuse_held(gate_.take_all(), server_busy(why));
    refuse_reads(reads_.take_all(), server_busy(why));
}

PeerStatus Peer::status() const {
    PeerStatus status;
    status.region = region();
    const PeerMeta* self = region().find_peer(id());
    status.peer = self != nullptr ? *self : PeerMeta{.id = id(), .store = host_.identity().store};
    status.state = storage_.local().state;
    status.leader = leader();
    status.raft = node_->status();
    status.truncated = storage_.applied().truncated;
    status.installing = writes_.installing();
    status.proposals_pending = gate_.size() + proposals_.size();
    return status;
}

void Peer::check_invariants() const {
    storage_.check_invariants();
    writes_.check_invariants();
    proposals_.check_invariants();
    node_->check_invariants();
    const raft::NodeStatus raft = node_->status();
    if (!incoming_) TIMBER_ASSERT_OP(storage_.applied().applied, >=, raft.applied);         // PE1
    if (destroying_) TIMBER_ASSERT(gate_.size() + proposals_.size() + reads_.size() == 0);  // PE4
}

}  // namespace timber::raftstore
