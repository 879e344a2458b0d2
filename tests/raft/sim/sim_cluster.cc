#include "tests/raft/sim/sim_cluster.h"

namespace timber::raft::sim {

static constexpr LogIndex kStartIndex{5};
static constexpr Term kStartTerm{5};
// Once faults stop, everything must be well again within so many ticks: a few elections, a lease's
// promise after a restart, a snapshot that is sent again, and the slowest disk's backlog.
static constexpr uint64_t kRecoveryTicksMax = 100 * kElectionTicks;
// And with the smallest limits a member is brought what it lacks an entry at a time: a message, a
// write and an answer for each.
static constexpr uint64_t kRecoveryTicksPerEntry = 2;

Cluster::Cluster(uint64_t seed, Counts& counts)
    : random_(seed), profile_(Profile::draw(random_)), counts_(counts), nodes_(profile_.nodes) {
    blocked_.assign(nodes_.size(), std::vector<bool>(nodes_.size(), false));
    draw_links();
    slow_disk_node_ = random_.below(profile_.voters);
    may_go_ = profile_.nodes - profile_.voters;
    ConfState conf;
    for (uint32_t i = 1; i <= profile_.voters; ++i) conf.voters.push_back(NodeId(i));
    oracle_.set_start(kStartIndex, kStartTerm, conf);
    for (size_t i = 0; i < nodes_.size(); ++i) {
        SimNode& node = nodes_[i];
        node.id = NodeId(i + 1);
        if (profile_.has(Fault::kDrift)) {
            node.drift_per_mille = static_cast<int64_t>(random_.below(2 * kDriftPerMilleMax + 1)) -
                                   static_cast<int64_t>(kDriftPerMilleMax);
        }
        node.clock_offset_us = random_.below(1'000'000'000);
        node.leases_on = profile_.leases && (!profile_.mixed_leases || random_.one_in(2));
        if (i < profile_.voters) {
            static_cast<MemoryStorage&>(node.durable) =
                MemoryStorage(conf, kStartIndex, kStartTerm);
            node.confs[kStartIndex] = conf;
            node.applied = node.applied_floor = kStartIndex;
        } else {
            node.confs[LogIndex(0)] = ConfState{};
        }
        start_node(node);
    }
    schedule(random_.below(profile_.client_gap_us), {.kind = EventKind::kClient});
    schedule(random_.below(profile_.fault_gap_us), {.kind = EventKind::kFault});
    for (size_t i = 0; i < kFaultCount; ++i) counts_.fault_runs[i] += profile_.active[i];
    counts_.lease_runs += profile_.leases;
    counts_.mixed_lease_runs += profile_.mixed_leases;
}

void Cluster::schedule(uint64_t at_us, Event event) { events_.emplace(at_us, std::move(event)); }

void Cluster::trace(uint64_t a, uint64_t b) {
    trace_ = fingerprint(trace_, a);
    trace_ = fingerprint(trace_, b);
}

void Cluster::start_node(SimNode& node) {
    Config config;
    config.id = node.id;
    config.seed = random_.next();
    config.election_ticks = kElectionTicks;
    config.heartbeat_ticks = 1 + random_.below(2);
    config.pre_vote = profile_.pre_vote;
    config.check_quorum = profile_.check_quorum;
    // From the seed, so that half of the nodes do and nothing more is drawn.
    config.commits_told_at_once = config.seed % 2 == 0;
    config.lease_reads = node.leases_on;
    config.tick_us = kTickUs;
    config.clock_drift_per_mille_max = kDriftPerMilleMax;
    config.snapshot_retry_ticks = 3 * kElectionTicks;
    if (profile_.tiny_limits) {
        config.message_entries_max = 1 + random_.below(2);
        config.inflight_messages_max = 1 + random_.below(8);
        config.committed_page_bytes_max = 100;
        config.applying_bytes_max = 200;
        config.uncommitted_bytes_max = 2000;
        config.log_cache_bytes_max = 200;
        config.write_bytes_max = 100;
        config.writes_in_flight_max = 2;
        config.reads_max = 4;
    }
    // The state machine kept something between its floor and what it had applied.
    const LogIndex base = node.durable.first_index() - 1;
    node.applied_floor = std::max(node.applied_floor, base);
    node.applied = std::max(node.applied, node.applied_floor);
    node.applied = node.applied_floor + random_.below(node.applied - node.applied_floor + 1);
    node.handed = node.applied;
    node.confs.erase(node.confs.upper_bound(node.applied), node.confs.end());
    node.durable.conf = node.conf_at(node.applied);
    node.view = node.durable;
    config.applied = node.applied;
    Result<RawNode> created = RawNode::create(config, node.view);
    if (!created) broken("C7", "node " + text(node.id) + ": " + created.error().to_string());
    node.raft.emplace(std::move(*created));
    node.up = true;
    node.seen_hard = node.durable.hard_state();
    node.seen_hard.commit = LogIndex(0);
    node.seen_applied = node.applied;
    node.raft->observe_time(node.clock(now_us_));
    look_at(node);
    schedule(now_us_ + random_.below(kTickUs),
             {.kind = EventKind::kTick, .node = place(node), .life = node.life});
}

void Cluster::run(uint64_t steps) {
    ++counts_.runs;
    while (steps_ < steps) step();
    check_progress_made();
    counts_.steps += steps_;
}

void Cluster::step() {
    TIMBER_ASSERT(!events_.empty());
    auto first = events_.begin();
    TIMBER_ASSERT_OP(first->first, >=, now_us_);
    now_us_ = first->first;
    Event event = std::move(first->second);
    events_.erase(first);
    ++steps_;
    trace(now_us_, static_cast<uint64_t>(event.kind) << 32 | event.node);
    run_event(event);
}

void Cluster::run_event(Event& event) {
    SimNode& node = nodes_[event.node];
    switch (event.kind) {
        case EventKind::kClient: return on_client();
        case EventKind::kFault: return on_fault();
        case EventKind::kHeal:
            if (event.number == cut_) heal_network();
            return;
        case EventKind::kDeafen:
            if (!calm_) deafen(node);
            return;
        case EventKind::kMute:
            if (!calm_) mute(node);
            return;
        case EventKind::kCrash:
            if (!calm_) crash(node, kTickUs / 2);
            return;
        case EventKind::kRestart:
            if (!node.up && !node.gone) start_node(node);
            return;
        case EventKind::kMessage:
            if (!node.up) return;
            break;
        case EventKind::kReadable:
            if (node.life == event.life) make_readable(node);
            return;
        case EventKind::kDisk:
            // The disk works while the process is stopped.
            if (node.life == event.life) on_disk(node);
            return;
        default:
            if (node.life != event.life || !node.up) return;
            break;
    }
    if (!node.works(now_us_)) return schedule(node.paused_until_us, std::move(event));
    switch (event.kind) {
        case EventKind::kTick: return on_tick(node);
        case EventKind::kMessage: return on_message(node, std::move(event.message));
        case EventKind::kReport: return on_report(node, WriteNumber(event.number));
        case EventKind::kProcess: return process(node);
        case EventKind::kApply:
            return apply(node, event.number > 0 ? event.number : 1 + random_.below(4));
        case EventKind::kLeaseDone: return finish_lease_read(node);
        case EventKind::kFlip: return flip_member(node);
        case EventKind::kCompact: return compact(node);
        case EventKind::kDestroy: return destroy_removed(node);
        case EventKind::kCampaign:
            node.raft->campaign();
            look_at(node);
            return process_soon(node);
        default: TIMBER_UNREACHABLE();
    }
}

// After every call into a node: its own invariants, and what can be said from outside.
void Cluster::look_at(SimNode& node) {
    const ReadableMeanwhile readable(node.view);
    const RawNode& raft = *node.raft;
    raft.check_invariants();
    const NodeStatus status = raft.status();
    const auto backwards = [&](const char* what) {
        broken("C9", std::string(what) + " of node " + text(node.id) + " went back");
    };
    if (status.hard.term < node.seen_hard.term) backwards("the term");
    if (status.hard.term == node.seen_hard.term && node.seen_hard.vote != kNobody &&
        status.hard.vote != node.seen_hard.vote) {
        backwards("the vote");
    }
    if (status.hard.commit < node.seen_hard.commit) backwards("the commit index");
    if (status.applied < node.seen_applied) backwards("the applied index");
    if (status.soft.role == Role::kLeader) look_at_leader(node, status);
    if (status.hard.commit > node.seen_hard.commit) {
        oracle_.committed(node.id, node.seen_hard.commit + 1, status.hard.commit, raft);
        if (status.soft.role == Role::kLeader && node.seen_role == Role::kLeader) {
            check_commit_on_disks(node, status);
        }
    }
    node.check_belief(status);
    oracle_.check_members(node.id, std::max(node.applied, status.pending_snapshot), status.conf);
    trace(status.hard.term.value() << 32 | status.hard.commit.value(),
          status.last_index.value() << 8 | static_cast<uint64_t>(status.soft.role));
    node.seen_hard = status.hard;
    node.seen_role = status.soft.role;
    node.seen_applied = status.applied;
    node.seen_last = status.last_index;
}

// C1, C3, C5, C6 and C10, of a node that leads.
void Cluster::look_at_leader(SimNode& node, const NodeStatus& status) {
    const bool fresh = node.seen_role != Role::kLeader || node.seen_hard.term != status.hard.term;
    const HardState& disk = node.durable.hard_state();
    if (disk.term != status.hard.term || disk.vote != node.id) {
        broken("C6",
               "node " + text(node.id) + " leads by a vote of its own that is not " + "durable");
    }
    if (fresh) {
        ++counts_.elections;
        node.seen_match.clear();
        oracle_.leader(node.id, status.hard.term, *node.raft);
        if (profile_.cut_new_leaders && !calm_ && random_.percent(85)) cut_leader(node);
    } else if (status.last_index < node.seen_last) {
        broken("C3", "the log of leader " + text(node.id) + " became shorter");
    }
    std::map<NodeId, LogIndex> matches;  // who was removed and is back starts anew
    for (const ProgressStatus& progress : status.progress) {
        matches[progress.id] = progress.match;
        const auto seen = node.seen_match.find(progress.id);
        if (seen != node.seen_match.end() && progress.match < seen->second) {
            broken("C10", "leader " + text(node.id) + " takes back what it knows of node " +
                              text(progress.id));
        }
    }
    node.seen_match = std::move(matches);
}

// C8: on a majority of disks, by the membership that the leader counts by.
void Cluster::check_commit_on_disks(const SimNode& node, const NodeStatus& status) {
    size_t holders = 0;
    const std::optional<Term> term = node.raft->term_at(status.hard.commit);
    if (term != status.hard.term) {
        broken("C8", "leader " + text(node.id) + " of term " + text(status.hard.term) +
                         " commits entry " + text(status.hard.commit) +
                         " of an earlier term by counting");
    }
    for (const NodeId voter : status.conf.voters) {
        const SimNode& other = nodes_[voter.value() - 1];
        const Result<Term> there = other.durable.term(status.hard.commit);
        holders +=
            status.hard.commit < other.durable.first_index() || (there && term && *there == *term);
    }
    if (holders < status.conf.voters.size() / 2 + 1) {
        broken("C8", "leader " + text(node.id) + " commits entry " + text(status.hard.commit) +
                         ", which " + std::to_string(holders) + " of " +
                         std::to_string(status.conf.voters.size()) + " disks hold");
    }
}

void Cluster::end_faults() {
    calm_ = true;
    heal_network();
    for (SimNode& node : nodes_) {
        node.paused_until_us = std::min(node.paused_until_us, now_us_);
        node.apply_stalled_until_us = std::min(node.apply_stalled_until_us, now_us_);
        node.disk_busy_until_us = std::min(node.disk_busy_until_us, now_us_ + kTickUs);
        for (size_t i = 0; i < node.writes.size(); ++i) {
            schedule(now_us_ + random_.below(kTickUs),
                     {.kind = EventKind::kDisk, .node = place(node), .life = node.life});
        }
        node.view.set_snapshot_busy(false);
        if (node.gone) continue;
        if (node.up) {
            make_readable(node);
        } else {
            start_node(node);
        }
        // Who was reported slow stays so: it may be served slowly, not left behind.
        node.raft->report_own_disk(false);
        look_at(node);
    }
}

uint64_t Cluster::recovery_ticks_max() const {
    if (!profile_.tiny_limits) return kRecoveryTicksMax;
    LogIndex longest{}, shortest{UINT64_MAX};
    for (const SimNode& node : nodes_) {
        if (node.gone) continue;
        const LogIndex last = node.raft->status().last_index;
        longest = std::max(longest, last);
        shortest = std::min(shortest, last);
    }
    return kRecoveryTicksMax + kRecoveryTicksPerEntry * (longest - shortest);
}

void Cluster::check_progress_made() {
    end_faults();
    const uint64_t ticks_max = recovery_ticks_max();
    const uint64_t began_us = now_us_;
    const uint64_t committed_before = counts_.writes_done;
    std::vector<LogIndex> applied_before;
    for (const SimNode& node : nodes_) applied_before.push_back(node.applied);
    const auto settled = [&] {
        const SimNode* leader = any_leader();
        if (leader == nullptr || counts_.writes_done < committed_before + 3) return false;
        const NodeStatus status = leader->raft->status();
        if (status.leaving) return false;
        for (const ProgressStatus& progress : status.progress) {
            const SimNode& member = nodes_[progress.id.value() - 1];
            if (member.gone) return false;
            // Clients go on, so a little behind is fine, and so is far behind if it moves on
            // (with the smallest limits it is sent an entry at a time). Being stuck is not.
            const bool near = member.applied + 40 >= status.hard.commit;
            const bool moving = member.applied >= applied_before[progress.id.value() - 1] + 100;
            if (!near && !moving) return false;
            if (member.raft->leader() != leader->id) return false;
            for (const OpenRead& read : member.open_reads) {
                if (near && read.floor.value() + 200 < status.hard.commit.value()) return false;
            }
        }
        return true;
    };
    while (!settled()) {
        step();
        if (now_us_ - began_us > ticks_max * kTickUs) {
            std::string nodes;
            for (const SimNode& node : nodes_) nodes += "\n  " + node.describe();
            broken("progress", "not well again " + std::to_string(ticks_max) +
                                   " ticks after the last fault" + nodes);
        }
    }
    counts_.recovery_ticks_max =
        std::max(counts_.recovery_ticks_max, (now_us_ - began_us) / kTickUs);
}

}  // namespace timber::raft::sim
