// The leader's side: what to send to whom, and what is committed.
#include <algorithm>

#include "raft/core.h"
#include "raft/quorum.h"
#include "src/base/mistake.h"

namespace timber::raft {

Progress* Core::find_progress(NodeId id) {
    for (Progress& progress : progress_) {
        if (progress.id == id) return &progress;
    }
    return nullptr;
}

const Progress* Core::find_progress(NodeId id) const {
    return const_cast<Core*>(this)->find_progress(id);
}

bool Core::committed_own_term() const {
    TIMBER_ASSERT_OP(role_, ==, Role::kLeader);
    return log_.committed() >= first_own_index_;
}

void Core::append_own(EntryType type, Payload payload) {
    TIMBER_ASSERT_OP(role_, ==, Role::kLeader);
    log_.append({term_, log_.last_index() + 1, type, std::move(payload)});
    // Sent with the next Ready, so that everything proposed until then shares its messages.
    appends_due_ = true;
    if (TIMBER_MISTAKE(raft_own_match_before_durable)) {
        if (Progress* own = find_progress(config_.id)) {
            own->acknowledge(log_.last_index());
            maybe_commit();
        }
    }
}

bool Core::maybe_commit() {
    TIMBER_ASSERT_OP(role_, ==, Role::kLeader);
    const LogIndex reached(quorum_of(conf_, [&](NodeId id) -> uint64_t {
        const Progress* progress = find_progress(id);
        return progress != nullptr ? progress->match.value() : 0;
    }));
    TIMBER_ASSERT_OP(reached, <=, log_.last_index());
    if (reached <= log_.committed()) return false;
    // Only entries of the own term are committed by counting (section 5.4.2, figure 8): entry 2
    // of term 2, on a majority by the work of the leader of term 4, can still be replaced by the
    // entry 2 of term 3 that a node holds which then is elected in term 5.
    if (reached < first_own_index_ && !TIMBER_MISTAKE(raft_old_term_committed_by_count)) {
        return false;
    }
    log_.commit_to(reached);
    return true;
}

void Core::handle_append_response(const Message& message) {
    Progress& progress = *find_progress(message.from);
    if (message.reject) return handle_rejection(progress, message);
    if (message.index > log_.last_index()) return ignore();
    const bool news = progress.acknowledge(message.index);
    // A probe that was answered says that the logs agree, also where that was known.
    const bool probe_answered =
        progress.state == ProgressState::kProbe && progress.match == message.index;
    if (!news && !probe_answered) return;
    switch (progress.state) {
        case ProgressState::kProbe: progress.become_replicate(); break;
        case ProgressState::kReplicate: progress.inflights.free_to(message.index); break;
        case ProgressState::kSnapshot:
            // Whether by this snapshot or another way: it can go on with entries.
            if (progress.match + 1 >= log_.first_index()) {
                progress.become_replicate();
            } else if (progress.match >= progress.pending_snapshot) {
                progress.become_probe();  // the log has moved on meanwhile; it needs another one
            }
            break;
    }
    TIMBER_MAYBE(maybe_commit());
    appends_due_ = true;
    continue_transfer(progress);
}

void Core::handle_rejection(Progress& progress, const Message& message) {
    LogIndex hint = message.reject_hint;
    if (message.log_term > Term(0)) {
        // The follower's last place with a term that can match, and here the last one that can
        // match that: each exchange skips the rest of a term on both sides.
        Term ignored;
        hint = log_.last_with_term_at_most(hint, message.log_term, ignored);
    }
    if (progress.reject(message.index, hint)) appends_due_ = true;
}

void Core::handle_heartbeat_response(const Message& message) {
    Progress& progress = *find_progress(message.from);
    if (message.round > round_) return ignore();
    progress.round_acked = std::max(progress.round_acked, message.round);
    if (message.promised) {
        progress.round_promised = std::max(progress.round_promised, message.round);
    }
    // It lives. What was sent to it before may be lost, and nothing else would tell.
    progress.waits_for_storage = false;
    if (progress.match == log_.last_index()) {
        progress.probe_sent = false;
    } else if (progress.state != ProgressState::kSnapshot) {
        TIMBER_MAYBE(send_append(progress, true));
    }
    confirm_rounds();
}

void Core::flush_appends() {
    if (!appends_due_) return;
    appends_due_ = false;
    TIMBER_ASSERT_OP(role_, ==, Role::kLeader);
    for (Progress& progress : progress_) {
        if (progress.id == config_.id) continue;
        while (send_append(progress, false)) {
        }
    }
}

// Whether it is worth a message of its own that all up to `commit` is committed.
bool Core::tells_commit(const Progress& progress, LogIndex commit) const {
    if (progress.commit_sent >= commit) return false;
    if (config_.commits_told_at_once) return true;
    return progress.commit_sent < pending_change_ && pending_change_ <= commit;
}

bool Core::send_append(Progress& progress, bool even_if_empty) {
    TIMBER_ASSERT(progress.id != config_.id);
    // A follower that has not answered what was sent is only asked, by an append without entries,
    // which it refuses if one before it is missing. Sending it more, or the same again, would fill
    // the memory, or the wire, of a follower whose disk stands still: it answers heartbeats.
    const bool only_ask = progress.paused();
    if (only_ask && !even_if_empty) return false;
    const LogIndex previous = progress.next - 1;
    TIMBER_ASSERT_OP(previous, >=, progress.match);
    const TermAt previous_term = log_.term(previous);
    if (previous_term.lookup == Lookup::kCompacted) return send_snapshot(progress);
    Message append{.type = MessageType::kAppend, .to = progress.id};
    bool readable = previous_term.lookup == Lookup::kFound;
    if (readable && !only_ask) {
        readable = log_.read(progress.next, log_.last_index() + 1, config_.message_bytes_max,
                             config_.message_entries_max, append.entries);
    }
    if (!readable) {
        progress.waits_for_storage = true;
        return false;
    }
    const LogIndex commit_told = std::min(log_.committed(), previous + append.entries.size());
    if (append.entries.empty() && !even_if_empty && !tells_commit(progress, commit_told)) {
        return false;
    }
    append.index = previous;
    append.log_term = previous_term.term;
    append.commit = log_.committed();
    progress.commit_sent = std::max(progress.commit_sent, commit_told);
    size_t bytes = 0;
    for (const Entry& entry : append.entries) bytes += entry_bytes(entry);
    progress.sent(previous + append.entries.size(), append.entries.size(), bytes);
    send(std::move(append));
    return true;
}

bool Core::send_snapshot(Progress& progress) {
    // To a node that does not answer nothing large is sent; its first answer brings it here again.
    if (!progress.recently_active) return false;
    const SnapshotPointer snapshot = log_.snapshot();
    if (!snapshot) {
        progress.waits_for_storage = true;  // it is being made
        return false;
    }
    Message message{.type = MessageType::kSnapshot, .to = progress.id};
    message.snapshot = snapshot;
    progress.become_snapshot(snapshot->metadata.index, config_.snapshot_retry_ticks);
    send(std::move(message));
    return false;
}

void Core::broadcast_heartbeat() {
    TIMBER_ASSERT_OP(role_, ==, Role::kLeader);
    start_round();
    for (const Progress& progress : progress_) {
        if (progress.id == config_.id) continue;
        Message beat{.type = MessageType::kHeartbeat, .to = progress.id};
        // No further than it is known to match: entry 5 may be committed here and be another
        // leader's entry 5 there.
        beat.commit = std::min(log_.committed(), progress.match);
        if (TIMBER_MISTAKE(raft_heartbeat_commit_unbounded)) beat.commit = log_.committed();
        beat.round = round_;
        send(std::move(beat));
    }
}

}  // namespace timber::raft
