// What a server does around its RawNode: late, in pieces, and in the order that the contract asks.
#include "src/base/coding.h"
#include "tests/raft/sim/sim_cluster.h"

namespace timber::raft::sim {

void Cluster::on_tick(SimNode& node) {
    uint64_t ticks = 1;
    const uint64_t pause = now_us_ - std::min(now_us_, node.paused_until_us);
    // Right after a pause, a driver that catches up ticks many times at once.
    if (node.paused_until_us != 0 && pause < kTickUs && random_.one_in(2)) ticks = 12;
    for (; ticks > 0; --ticks) {
        node.raft->observe_time(node.clock(now_us_));
        node.raft->tick();
        ++node.ticks;
        look_at(node);
    }
    const auto rate = static_cast<uint64_t>(1000 + node.drift_per_mille);
    schedule(now_us_ + kTickUs * 1000 / rate,
             {.kind = EventKind::kTick, .node = place(node), .life = node.life});
    process_soon(node);
}

void Cluster::on_message(SimNode& node, Message message) {
    node.raft->observe_time(node.clock(now_us_));
    note_vote_request(node, message);
    node.raft->step(std::move(message));
    look_at(node);
    process_soon(node);
}

void Cluster::note_vote_request(SimNode& node, const Message& message) {
    const bool pre = message.type == MessageType::kPreVote;
    if (!pre && message.type != MessageType::kVote) return;
    const NodeStatus status = node.raft->status();
    const bool up_to_date =
        message.log_term > status.last_term ||
        (message.log_term == status.last_term && message.index >= status.last_index);
    node.may_grant[{message.from, message.term, pre}] |= up_to_date;
}

void Cluster::check_grant(SimNode& node, const Message& message) {
    const bool pre = message.type == MessageType::kPreVoteResponse;
    if ((!pre && message.type != MessageType::kVoteResponse) || message.reject) return;
    const auto known = node.may_grant.find({message.to, message.term, pre});
    if (known == node.may_grant.end() || !known->second) {
        broken("C11", "node " + text(node.id) + " grants node " + text(message.to) + " a " +
                          std::string(to_string(message.type)) + " though its log is behind");
    }
}

void Cluster::process_soon(SimNode& node) {
    if (!profile_.has(Fault::kLateDriver) || calm_ || random_.percent(60)) return process(node);
    schedule(now_us_ + random_.below(2 * kTickUs),
             {.kind = EventKind::kProcess, .node = place(node), .life = node.life});
}

void Cluster::process(SimNode& node) {
    for (int rounds = 0; node.raft->has_ready(); ++rounds) {
        TIMBER_ASSERT_OP(rounds, <, 1000);
        node.raft->observe_time(node.clock(now_us_));
        Ready ready = node.raft->ready();
        look_at(node);
        for (const Message& message : ready.messages) check_grant(node, message);
        for (const Message& message : ready.once_durable.messages) check_grant(node, message);
        if (ready.write) take_write(node, std::move(*ready.write));
        for (const Message& message : ready.messages) send(node, message);
        if (!ready.once_durable.messages.empty()) {
            node.held.push_back(std::move(ready.once_durable));
        }
        take_answers(node, ready);
        take_committed(node, std::move(ready.committed));
    }
    node.check_ends(node.raft->status());
}

void Cluster::take_write(SimNode& node, Write write) {
    if (!write.entries.empty()) {
        const ReadableMeanwhile readable(node.view);
        const Entry& first = write.entries.front();
        const std::optional<Term> previous = node.raft->term_at(first.index - 1);
        if (write.snapshot) {
            check_entries(node, write.entries, write.snapshot->metadata.term);
        } else if (previous) {
            check_entries(node, write.entries, *previous);
        }
        const LogIndex given_out = node.writes.empty() || node.writes.back().write.entries.empty()
                                       ? node.durable.last_index()
                                       : node.writes.back().write.entries.back().index;
        counts_.conflicts += !write.snapshot && first.index <= given_out;
    }
    if (profile_.view_at_issue) node.view.apply(write);
    if (write.snapshot && !node.apply_queue.empty() && random_.one_in(2)) {
        // What was handed over before is applied while the snapshot is on its way to the disk.
        node.apply_stalled_until_us = std::min(node.apply_stalled_until_us, now_us_);
        schedule(now_us_ + random_.below(100), {.kind = EventKind::kApply,
                                                .node = place(node),
                                                .life = node.life,
                                                .number = node.apply_queue.size()});
    }
    uint64_t takes_us = random_.below(calm_ ? 300 : profile_.disk_us_max) + 1;
    if (!calm_ && random_.percent(profile_.disk_stall_percent)) {
        takes_us += random_.below(profile_.disk_stall_us_max);
    }
    if (!calm_ && profile_.cut_new_leaders && place(node) == slow_disk_node_) {
        takes_us += random_.below((random_.one_in(3) ? 300 : 5) * kTickUs);
    }
    if (!calm_ && profile_.has(Fault::kCrash) && random_.one_in(200)) {
        soon(EventKind::kCrash, node, 0, takes_us);
    }
    node.disk_busy_until_us = std::max(node.disk_busy_until_us, now_us_) + takes_us;
    schedule(node.disk_busy_until_us,
             {.kind = EventKind::kDisk, .node = place(node), .life = node.life});
    node.writes.push_back({std::move(write)});
}

void Cluster::check_entries(const SimNode& node, const std::vector<Entry>& entries,
                            Term previous_term) {
    TIMBER_ASSERT(node.up);
    for (const Entry& entry : entries) {
        oracle_.entry(entry, previous_term);
        previous_term = entry.term;
    }
}

void Cluster::on_disk(SimNode& node) {
    for (const PendingWrite& pending : node.writes) {
        if (pending.durable) continue;
        node.disk_step();
        if (!profile_.view_at_issue) node.view.apply(pending.write);
        const uint64_t number = pending.write.number.value();
        schedule(
            now_us_ + random_.below(profile_.plots ? 200 : kTickUs / 2),
            {.kind = EventKind::kReport, .node = place(node), .life = node.life, .number = number});
        return;
    }
}

void Cluster::on_report(SimNode& node, WriteNumber number) {
    while (!node.writes.empty() && node.writes.front().write.number <= number) {
        const Write& write = node.writes.front().write;
        TIMBER_ASSERT(node.writes.front().durable);
        if (write.snapshot) {
            const SnapshotMetadata& metadata = write.snapshot->metadata;
            ++counts_.snapshots;
            std::erase_if(node.apply_queue,
                          [&](const Entry& entry) { return entry.index <= metadata.index; });
            ByteReader reader(write.snapshot->data.bytes());
            if (reader.fixed<uint64_t>() != oracle_.state_at(metadata.index)) {
                broken("C4", "node " + text(node.id) + " installs another state at " +
                                 text(metadata.index));
            }
            node.handed = node.applied = std::max(node.applied, metadata.index);
        }
        node.writes.pop_front();
    }
    node.raft->observe_time(node.clock(now_us_));
    node.raft->persisted(number);
    look_at(node);
    while (!node.held.empty() && node.held.front().write <= number) {
        const OnceDurable held = std::move(node.held.front());
        node.held.pop_front();
        for (const Message& message : held.messages) send(node, message);
    }
    process_soon(node);
}

void Cluster::take_committed(SimNode& node, std::vector<Entry> entries) {
    if (entries.empty()) return;
    for (Entry& entry : entries) {
        if (entry.index != node.handed + 1) {
            broken("C4", "node " + text(node.id) + " is handed entry " + text(entry.index) +
                             " after " + text(node.handed));
        }
        node.handed = entry.index;
        node.proposals.erase({entry.index, entry.term});
        node.apply_queue.push_back(std::move(entry));
    }
    const bool stalled = node.apply_stalled_until_us > now_us_;
    if (!stalled && random_.percent(70)) return apply(node, node.apply_queue.size());
    apply_later(node, 3 * kTickUs);
}

void Cluster::apply_later(SimNode& node, uint64_t within_us) {
    schedule(std::max(now_us_, node.apply_stalled_until_us) + random_.below(within_us),
             {.kind = EventKind::kApply, .node = place(node), .life = node.life});
}

void Cluster::apply(SimNode& node, size_t count) {
    if (node.apply_stalled_until_us > now_us_) return apply_later(node, kTickUs);
    LogIndex reached{};
    for (; count > 0 && !node.apply_queue.empty(); --count) {
        const Entry entry = std::move(node.apply_queue.front());
        node.apply_queue.pop_front();
        apply_entry(node, entry);
        reached = entry.index;
    }
    if (reached != LogIndex(0)) {
        node.raft->applied(reached);
        look_at(node);
    }
    serve_reads(node);
    if (!node.apply_queue.empty()) apply_later(node, 2 * kTickUs);
    process_soon(node);
}

void Cluster::apply_entry(SimNode& node, const Entry& entry) {
    TIMBER_ASSERT_OP(entry.index, ==, node.applied + 1);
    trace(entry.index.value(), oracle_.applied(node.id, entry));
    node.applied = entry.index;
    if (entry.type == EntryType::kConfChange) {
        const Result<ConfChange> change = decode_conf_change(entry.payload);
        TIMBER_ASSERT(change.ok());
        oracle_.changed(entry.index, *change);
        counts_.changes_passed += entry.index <= node.raft->status().pending_snapshot;
        const ConfState stored = node.raft->apply_conf_change(entry.index, *change);
        oracle_.check_members(node.id, entry.index, stored);
        node.confs[entry.index] = stored;
        counts_.changes += entry.index > last_change_;
        last_change_ = std::max(last_change_, entry.index);
        look_at(node);
        // Who is removed by it goes as soon as that is allowed.
        if (random_.one_in(2)) soon(EventKind::kDestroy, node, 0, 2 * kTickUs);
    }
    const auto open = node.open_writes.find(entry.index);
    if (open == node.open_writes.end()) return;
    if (open->second.term == entry.term) {
        oracle_.write_done(entry.index, open->second.floor);
        ++counts_.writes_done;
    }
    node.open_writes.erase(open);
}

void Cluster::take_answers(SimNode& node, const Ready& ready) {
    const auto find = [&](ReadId id) {
        const auto open = std::ranges::find(node.open_reads, id, &OpenRead::id);
        if (open == node.open_reads.end() || open->confirmed) {
            broken("C13", "node " + text(node.id) + " answers read " + text(id) + " twice");
        }
        return open;
    };
    for (const ReadReady& read : ready.reads) {
        const auto open = find(read.id);
        open->confirmed = true;
        open->index = read.index;
    }
    for (const ReadDropped& read : ready.reads_dropped) node.open_reads.erase(find(read.id));
    for (const ProposalNotice& notice : ready.proposals) {
        node.note_fate(notice);
        if (notice.fate == ProposalFate::kLeadershipLost) ++counts_.leaders_lost;
        if (notice.fate == ProposalFate::kPassedBySnapshot) ++counts_.proposals_passed;
        if (notice.fate != ProposalFate::kOverwritten) continue;
        ++counts_.proposals_overwritten;
        if (oracle_.committed_term(notice.first) == notice.term) {
            broken("C13", "proposal " + text(notice.first) + " of term " + text(notice.term) +
                              " is said to be overwritten and is committed");
        }
    }
    serve_reads(node);
}

void Cluster::serve_reads(SimNode& node) {
    std::erase_if(node.open_reads, [&](const OpenRead& read) {
        if (!read.confirmed || read.index > node.applied) return false;
        oracle_.read_done(node.applied, read.floor, "a round");
        ++counts_.reads_done;
        counts_.forwarded_reads_done += node.raft->role() != Role::kLeader;
        return true;
    });
}

void Cluster::send(SimNode& from, const Message& message) {
    from.check_promise(message);
    if (message.type == MessageType::kAppend)
        check_entries(from, message.entries, message.log_term);
    counts_.transfers += message.type == MessageType::kTimeoutNow;
    trace(
        static_cast<uint64_t>(message.type) << 56 | message.to.value() << 40 | message.term.value(),
        message.index.value() << 20 | message.commit.value());
    if (message.to.value() > nodes_.size()) return;
    const size_t to = message.to.value() - 1;
    if (blocked_[place(from)][to]) return;
    if (!calm_ && random_.percent(profile_.drop_percent)) {
        if (message.type == MessageType::kSnapshot && random_.one_in(2)) {
            from.raft->report_snapshot(message.to, SnapshotReport::kFailed);
        }
        return;
    }
    const auto arrival = [&] {
        return now_us_ + 1 + random_.below(calm_ ? 500 : link_us_max_[place(from)][to]);
    };
    const uint64_t life = nodes_[to].life;
    if (!calm_ && random_.percent(profile_.duplicate_percent)) {
        schedule(arrival(),
                 {.kind = EventKind::kMessage, .node = to, .life = life, .message = message});
    }
    schedule(arrival(),
             {.kind = EventKind::kMessage, .node = to, .life = life, .message = message});
}

}  // namespace timber::raft::sim
