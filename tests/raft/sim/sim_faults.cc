// Clients, and everything that goes wrong around the nodes.
#include <algorithm>

#include "src/base/coding.h"
#include "tests/raft/sim/sim_cluster.h"

namespace timber::raft::sim {

// The leader of the latest term, or, where two nodes hold themselves for leaders, the other one.
SimNode* Cluster::leader_by_term(bool latest) {
    SimNode* found = nullptr;
    for (SimNode& node : nodes_) {
        if (!node.works(now_us_) || node.raft->role() != Role::kLeader) continue;
        if (found == nullptr || (node.raft->term() > found->raft->term()) == latest) found = &node;
    }
    return found;
}

SimNode* Cluster::any_leader() {
    std::vector<SimNode*> leaders;
    for (SimNode& node : nodes_) {
        if (node.works(now_us_) && node.raft->role() == Role::kLeader) leaders.push_back(&node);
    }
    if (leaders.empty()) return nullptr;
    return leaders[random_.below(leaders.size())];
}

// By the membership of `leader`; perhaps itself.
SimNode& Cluster::any_voter(SimNode& leader) {
    const ConfState conf = leader.raft->status().conf;
    if (conf.voters.empty()) return leader;
    return nodes_[conf.voters[random_.below(conf.voters.size())].value() - 1];
}

void Cluster::on_client() {
    schedule(now_us_ + 1 + random_.below(2 * profile_.client_gap_us), {.kind = EventKind::kClient});
    // Writes go to the true leader and reads to a false one, if there is one: that is where stale
    // reads would come from.
    const uint64_t kind = random_.below(100);
    SimNode* leader = leader_by_term(kind < 45);
    SimNode& node = leader != nullptr && random_.percent(80) ? *leader : any_node();
    if (!node.works(now_us_)) return;
    if (kind < 45) {
        if (now_us_ >= no_writes_until_us_) client_write(node);
    } else if (kind < (profile_.leases ? 60 : 100)) {
        client_read(node);
    } else {
        client_lease_read(node);
    }
    look_at(node);
    process_soon(node);
}

void Cluster::client_write(SimNode& node) {
    std::vector<Payload> payloads;
    for (uint64_t count = 1 + random_.below(3); count > 0; --count) {
        std::vector<std::byte> bytes;
        put_fixed(bytes, next_value_++);
        payloads.push_back(Payload::copy_of(bytes));
    }
    const Proposed proposed = node.raft->propose(payloads);
    if (!proposed.accepted()) return;
    for (size_t i = 0; i < payloads.size(); ++i) {
        // What an earlier leadership of this node proposed for the place stays unknown.
        node.open_writes[proposed.first_index + i] = {proposed.term, oracle_.floor()};
        node.proposals[{proposed.first_index + i, proposed.term}] = false;
    }
}

void Cluster::client_read(SimNode& node) {
    const ReadId id(next_read_++);
    if (node.raft->read_index(id)) return;
    node.open_reads.push_back({id, oracle_.floor(), node.ticks});
    for (const std::vector<bool>& row : blocked_) {
        if (std::ranges::count(row, true) > 0) {
            ++counts_.reads_in_partition;
            break;
        }
    }
}

void Cluster::client_lease_read(SimNode& node) {
    if (!profile_.leases) return;
    const std::optional<LeaseRead> read = node.raft->begin_lease_read(node.clock(now_us_));
    if (!read) {
        ++counts_.lease_reads_refused;
        return;
    }
    node.open_lease_reads.push_back({*read, oracle_.floor(), LogIndex(0)});
    if (random_.one_in(2)) return finish_lease_read(node);
    schedule(now_us_ + random_.below(kTickUs),
             {.kind = EventKind::kLeaseDone, .node = place(node), .life = node.life});
}

void Cluster::finish_lease_read(SimNode& node) {
    for (OpenLeaseRead& open : node.open_lease_reads) {
        if (node.applied < open.read.index) {
            ++counts_.lease_reads_refused;  // the client is told to ask otherwise
        } else if (!node.raft->lease_covers(open.read, node.clock(now_us_))) {
            ++counts_.lease_reads_refused;
        } else {
            oracle_.read_done(node.applied, open.floor, "a lease");
            ++counts_.lease_reads_done;
        }
    }
    node.open_lease_reads.clear();
}

void Cluster::on_fault() {
    if (calm_) return;
    schedule(now_us_ + 1 + random_.below(2 * profile_.fault_gap_us), {.kind = EventKind::kFault});
    SimNode* leader = any_leader();
    if (profile_.plots && random_.one_in(4)) {
        leader = leader_by_term(true);
        if (leader != nullptr) return plot(*leader);
    }
    if (profile_.member_plots && leader != nullptr && random_.one_in(4)) {
        return plot_members(*leader);
    }
    if (profile_.has(Fault::kMembership) && leader != nullptr && random_.one_in(4)) {
        if (plot_pair(*leader)) return;
        destroy_removed(*leader);
        leader = any_leader();
    }
    SimNode& node = leader != nullptr && random_.one_in(3) ? *leader : any_node();
    switch (static_cast<Fault>(random_.below(kFaultCount))) {
        case Fault::kPartition:
        case Fault::kOneWay: return cut_network();
        case Fault::kCrash:
            if (!profile_.has(Fault::kCrash)) return;
            if (random_.one_in(12)) {
                for (SimNode& each : nodes_) crash(each, 30 * kTickUs);
            } else {
                // Rather one that loses something; and often so soon that others do not notice.
                SimNode* lost = &node;
                for (int i = 0; i < 4 && !lost->has_writes_in_flight(); ++i) lost = &any_node();
                crash(*lost, random_.one_in(2) ? 2 * kTickUs : 30 * kTickUs);
            }
            return;
        case Fault::kPause:
            if (!profile_.has(Fault::kPause) || !node.works(now_us_)) return;
            node.paused_until_us = now_us_ + random_.below(30 * kTickUs);
            return;
        case Fault::kMembership:
            if (!profile_.has(Fault::kMembership) || leader == nullptr) return;
            return change_membership(*leader, any_node().id);
        case Fault::kTransfer:
            if (!profile_.has(Fault::kTransfer) || !node.works(now_us_)) return;
            if (node.raft->role() == Role::kLeader && random_.one_in(2)) {
                node.raft->hand_over();
            } else {
                node.raft->transfer_leader(any_node().id);
            }
            look_at(node);
            return process_soon(node);
        case Fault::kCompaction:
            if (profile_.has(Fault::kCompaction)) {
                for (SimNode& each : nodes_) compact(each);
            }
            return;
        case Fault::kReports:
            if (profile_.has(Fault::kReports)) report_something();
            return;
        case Fault::kUnreadable:
            if (profile_.has(Fault::kUnreadable)) make_unreadable(node);
            return;
        case Fault::kSlowApply:
            if (!profile_.has(Fault::kSlowApply)) return;
            node.apply_stalled_until_us = now_us_ + random_.below(100 * kTickUs);
            return;
        default: return send_nonsense();
    }
}

void Cluster::cut_network() {
    const bool whole = profile_.has(Fault::kPartition);
    const bool one_way = profile_.has(Fault::kOneWay);
    if (!whole && !one_way) return;
    // Most cuts last: an election takes a while, and what it leads to another.
    if (cut_ > 0 && random_.percent(70) && network_cut()) return;
    heal_network();
    if (one_way ? random_.one_in(3) : random_.one_in(5)) return cut_pairs();
    std::vector<bool> side(nodes_.size());
    // Half the time the leader ends up with a minority: the rest elects another, and what the old
    // one still took is in the way when the network heals.
    const SimNode* leader = random_.one_in(2) ? any_leader() : nullptr;
    for (size_t i = 0; i < nodes_.size(); ++i) side[i] = random_.one_in(leader != nullptr ? 4 : 2);
    if (leader != nullptr) side[place(*leader)] = true;
    const bool directed = one_way && (!whole || random_.one_in(3));
    for (size_t i = 0; i < nodes_.size(); ++i) {
        for (size_t j = 0; j < nodes_.size(); ++j) {
            blocked_[i][j] = directed ? side[i] && !side[j] : side[i] != side[j];
        }
    }
    heal_later(60);
}

// Some pairs cannot talk to each other, though both can talk to others.
void Cluster::cut_pairs() {
    for (size_t i = 0; i < nodes_.size(); ++i) {
        for (size_t j = 0; j < i; ++j) {
            const bool cut = random_.one_in(3);
            blocked_[i][j] = cut;
            blocked_[j][i] = cut && (!profile_.has(Fault::kOneWay) || random_.one_in(2));
        }
    }
    heal_later(60);
}

void Cluster::cut_leader(const SimNode& leader) {
    heal_network();
    for (size_t i = 0; i < nodes_.size(); ++i) {
        for (size_t j = 0; j < nodes_.size(); ++j) {
            const bool from_inside = i == place(leader) || i == slow_disk_node_;
            const bool to_inside = j == place(leader) || j == slow_disk_node_;
            blocked_[i][j] = from_inside != to_inside;
        }
    }
    heal_later(random_.one_in(3) ? 30 : 200);
}

// Links differ: two nodes may agree on a new leader long before the old one hears of it.
void Cluster::draw_links() {
    link_us_max_.assign(nodes_.size(), std::vector<uint64_t>(nodes_.size(), 200));
    for (std::vector<uint64_t>& row : link_us_max_) {
        for (uint64_t& link : row) {
            if (random_.one_in(2)) link = 1 + random_.below(profile_.delay_us_max);
        }
    }
}

// Nothing reaches the node.
void Cluster::deafen(const SimNode& node) {
    for (std::vector<bool>& row : blocked_) row[place(node)] = true;
    heal_later(25);
}

// Nothing leaves the node.
void Cluster::mute(const SimNode& node) {
    blocked_[place(node)].assign(nodes_.size(), true);
    heal_later(40);
}

void Cluster::soon(EventKind kind, const SimNode& node, uint64_t from_us, uint64_t to_us) {
    schedule(now_us_ + random_.between(from_us, to_us),
             {.kind = kind, .node = place(node), .life = node.life});
}

// Stories in which a leader does not hear in time that it was replaced.
void Cluster::plot(SimNode& leader) {
    heal_network();
    draw_links();
    switch (profile_.mixed_leases ? 1 : random_.below(3)) {
        case 0:
            // It orders another to take over, and goes deaf.
            leader.raft->hand_over();
            look_at(leader);
            process(leader);
            return soon(EventKind::kDeafen, leader, 0, kTickUs);
        case 1: return plot_lost_follower(leader);
        default:
            // The answers to it become slow, and then nobody hears it any more.
            for (std::vector<uint64_t>& row : link_us_max_) {
                row[place(leader)] = random_.between(6 * kTickUs, 20 * kTickUs);
            }
            return soon(EventKind::kMute, leader, 0, 15 * kTickUs);
    }
}

// One follower has lost the leader, and all others, which have not, restart; then it campaigns.
void Cluster::plot_lost_follower(SimNode& leader) {
    const SimNode& lost = any_voter(leader);
    if (&lost == &leader) return;
    process(leader);
    heal_later(60);
    blocked_[place(leader)][place(lost)] = blocked_[place(lost)][place(leader)] = true;
    const uint64_t at_us = random_.between(8 * kTickUs, 20 * kTickUs);
    // Nothing is written meanwhile, or the one that is lost could not be elected.
    no_writes_until_us_ = now_us_ + at_us;
    // Nobody hears the leader from then on, nor it anybody: what is on its way when they are back
    // would make them promise again.
    for (std::vector<uint64_t>& row : link_us_max_) row.assign(row.size(), 100);
    for (const SimNode& other : nodes_) {
        if (&other == &leader || &other == &lost) continue;
        soon(EventKind::kCrash, other, at_us, at_us);
    }
    soon(EventKind::kMute, leader, at_us - kTickUs / 2, at_us);
    soon(EventKind::kDeafen, leader, at_us, at_us + kTickUs / 2);
    soon(EventKind::kCampaign, lost, at_us + kTickUs / 2, at_us + 2 * kTickUs);
}

// A member comes, or goes, and a follower does not get to apply that. While it hears nothing, the
// member is changed back, and the log compacted: the next it hears of is a snapshot.
void Cluster::plot_members(SimNode& leader) {
    SimNode& follower = any_voter(leader);
    follower.apply_stalled_until_us = now_us_ + random_.below(60 * kTickUs);
    flip_member(leader);
    soon(EventKind::kDeafen, follower, 2 * kTickUs, 5 * kTickUs);
    soon(EventKind::kFlip, leader, 4 * kTickUs, 8 * kTickUs);
    for (const SimNode& each : nodes_) soon(EventKind::kCompact, each, 7 * kTickUs, 14 * kTickUs);
}

// A leader of two removes the other, who is wiped as soon as it may be. If it still needed the
// other's vote, after a crash that makes it forget the removal's commit, it could never lead again.
bool Cluster::plot_pair(SimNode& leader) {
    const ConfState conf = leader.raft->status().conf;
    if (conf.voters.size() != 2 || may_go_ == 0 || !conf.has_voter(leader.id)) return false;
    if (random_.one_in(2)) return false;
    no_writes_until_us_ = now_us_ + 6 * kTickUs;
    change_membership(leader, conf.voters[0] == leader.id ? conf.voters[1] : conf.voters[0]);
    for (int i = 0; i < 3; ++i) soon(EventKind::kDestroy, leader, 0, 5 * kTickUs);
    return true;
}

void Cluster::flip_member(SimNode& leader) { change_membership(leader, nodes_.back().id); }

bool Cluster::network_cut() const {
    return std::ranges::any_of(blocked_, [](const std::vector<bool>& row) {
        return std::ranges::find(row, true) != row.end();
    });
}

void Cluster::heal_later(uint64_t ticks_max) {
    schedule(now_us_ + random_.below(ticks_max * kTickUs),
             {.kind = EventKind::kHeal, .number = ++cut_});
}

void Cluster::heal_network() {
    for (std::vector<bool>& row : blocked_) row.assign(row.size(), false);
}

void Cluster::crash(SimNode& node, uint64_t down_us_max) {
    if (!node.up) return;
    size_t in_flight = 0;
    for (const PendingWrite& pending : node.writes) in_flight += !pending.durable;
    ++counts_.crashes;
    counts_.crashes_in_flight += in_flight > 0;
    node.crash(random_.below(in_flight + 1));
    schedule(now_us_ + random_.below(down_us_max),
             {.kind = EventKind::kRestart, .node = place(node)});
}

void Cluster::change_membership(SimNode& leader, NodeId target) {
    const ConfState conf = leader.raft->status().conf;
    ConfChange change{ConfChangeType::kAddVoter, target, {}};
    // A node that was destroyed has forgotten its votes: it must not come back under its name.
    if (nodes_[target.value() - 1].gone && !conf.has_member(target)) return;
    if (conf.has_voter(target)) {
        change.type = random_.percent(80) ? ConfChangeType::kRemove : ConfChangeType::kAddLearner;
        if (conf.voters.size() == 1) return;
    } else if (!conf.has_member(target) && random_.one_in(2)) {
        change.type = ConfChangeType::kAddLearner;
    }
    // The value in the context tells two proposals of the same change apart.
    std::vector<std::byte> bytes;
    put_fixed(bytes, next_value_++);
    change.context = Payload::copy_of(bytes);
    const Proposed proposed = leader.raft->propose_conf_change(change);
    if (proposed.accepted()) {
        leader.proposals[{proposed.first_index, proposed.term}] = false;
        // An entry behind it would make its commit durable.
        if (random_.one_in(2)) no_writes_until_us_ = now_us_ + random_.below(6 * kTickUs);
        look_at(leader);
        process_soon(leader);
    }
}

// Wipes a node that was a member, where the leader says that such are needed no longer. Everything
// must go on without it, also when the leader dies in the next moment.
void Cluster::destroy_removed(const SimNode& leader) {
    const NodeStatus status = leader.raft->status();
    if (calm_ || !status.membership_settled || may_go_ == 0) return;
    // One that was cut off may remember a membership that another has changed since.
    for (const SimNode& other : nodes_) {
        const Term seen = other.up ? other.raft->term() : other.durable.hard_state().term;
        if (seen > status.hard.term) return;
    }
    for (SimNode& node : nodes_) {
        const bool was_member = node.durable.last_index() > LogIndex(0);
        if (node.gone || !was_member || status.conf.has_member(node.id)) continue;
        if (profile_.member_plots && &node == &nodes_.back()) continue;  // it comes and goes
        if (node.up) node.crash(0);
        node.gone = true;
        node.durable = SimStorage();
        --may_go_;
        ++counts_.destroyed;
        if (random_.one_in(2)) crash(nodes_[place(leader)], 30 * kTickUs);
        return;
    }
}

void Cluster::compact(SimNode& node) {
    if (!node.works(now_us_) || random_.one_in(3)) return;
    if (node.raft->status().pending_snapshot != LogIndex(0)) return;
    const LogIndex base = node.view.first_index() - 1;
    if (node.applied <= base || node.durable.first_index() - 1 > base) return;
    std::vector<std::byte> bytes;
    put_fixed(bytes, oracle_.state_at(node.applied));
    const Payload data = Payload::copy_of(bytes);
    const ConfState conf = node.conf_at(node.applied);
    const LogIndex kept(random_.below(std::min<uint64_t>(8, node.applied - base)));
    for (SimStorage* storage : {&node.durable, &node.view}) {
        storage->make_snapshot(node.applied, conf, data);
        storage->compact(node.applied - kept.value());
    }
    // A compaction may still come when the faults have ended; its snapshot is there at once.
    node.view.set_snapshot_busy(random_.one_in(5) && !calm_);
    node.applied_floor = node.applied;
    look_at(node);
}

void Cluster::make_unreadable(SimNode& node) {
    if (!node.up) return;
    node.view.unreadable = true;
    schedule(now_us_ + random_.below(20 * kTickUs),
             {.kind = EventKind::kReadable, .node = place(node), .life = node.life});
}

// The driver may tell, or leave it to the node to find out.
void Cluster::make_readable(SimNode& node) {
    node.view.unreadable = false;
    if (!node.works(now_us_) || random_.one_in(2)) return;
    node.raft->storage_ready();
    look_at(node);
    process_soon(node);
}

void Cluster::report_something() {
    SimNode& node = any_node();
    const NodeId other = any_node().id;
    if (!node.works(now_us_)) return;
    switch (random_.below(8)) {
        case 0: node.raft->report_unreachable(other); break;
        case 1: node.raft->report_slow(other, true); break;
        case 2: node.raft->report_slow(other, false); break;
        case 3: node.raft->report_snapshot(other, SnapshotReport::kSending); break;
        case 4: node.raft->report_snapshot(other, SnapshotReport::kFailed); break;
        case 5: node.raft->report_own_disk(random_.one_in(3)); break;
        case 6: node.raft->hand_over(); break;
        default: node.raft->campaign(); break;
    }
    look_at(node);
    process_soon(node);
}

// Well-formed messages that no honest node sends, from strangers and from members: they promise
// nothing and claim nothing that a real message could, so they must change nothing.
void Cluster::send_nonsense() {
    SimNode& node = any_node();
    if (!node.works(now_us_)) return;
    Message message;
    message.type = static_cast<MessageType>(random_.below(16));
    message.from = NodeId(random_.below(3) == 0 ? 0 : 90 + random_.below(9));
    message.to = node.id;
    message.term = Term(random_.one_in(2) ? 0 : UINT64_MAX - random_.below(3));
    message.index = LogIndex(random_.one_in(2) ? random_.below(100) : UINT64_MAX);
    message.log_term = Term(random_.one_in(2) ? random_.below(9) : UINT64_MAX);
    message.commit = LogIndex(random_.one_in(2) ? random_.below(100) : UINT64_MAX);
    message.reject = random_.one_in(2);
    for (uint64_t count = random_.below(3); count > 0; --count) {
        message.entries.push_back({Term(random_.next()), LogIndex(random_.next())});
    }
    ++counts_.nonsense;
    const NodeStatus before = node.raft->status();
    node.raft->step(std::move(message));
    const NodeStatus after = node.raft->status();
    TIMBER_ASSERT(before.hard == after.hard && before.soft == after.soft);
    TIMBER_ASSERT_OP(before.last_index, ==, after.last_index);
    TIMBER_ASSERT_OP(before.messages_ignored + 1, ==, after.messages_ignored);
    look_at(node);
}

}  // namespace timber::raft::sim
