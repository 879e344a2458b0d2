// The follower's side: entries, heartbeats and snapshots from the leader.
#include <algorithm>

#include "raft/core.h"
#include "src/base/mistake.h"

namespace timber::raft {

void Core::acknowledge_append(NodeId to, LogIndex index) {
    TIMBER_ASSERT_OP(index, <=, log_.last_index());
    Message answer{.type = MessageType::kAppendResponse, .to = to};
    answer.index = index;
    answer.commit = log_.committed();
    send_durable(std::move(answer), index);
}

void Core::handle_append(const Message& message) {
    TIMBER_ASSERT_OP(role_, ==, Role::kFollower);
    TIMBER_ASSERT_OP(leader_, ==, message.from);
    if (message.index < log_.committed()) {
        // An old append. All up to the commit is the same everywhere, so say so: the leader may
        // be searching for the place from which to go on.
        return acknowledge_append(message.from, log_.committed());
    }
    switch (log_.append_after(message.index, message.log_term, message.entries)) {
        case AppendOutcome::kAccepted: {
            // The leader's commit says nothing about what lies behind the entries of this message:
            // those may be another leader's.
            const LogIndex matched = message.index + message.entries.size();
            TIMBER_ASSERT_OP(matched, <=, log_.last_index());
            log_.commit_to(std::min(message.commit, matched));
            return acknowledge_append(message.from, matched);
        }
        case AppendOutcome::kMismatch: {
            Message answer{.type = MessageType::kAppendResponse, .to = message.from};
            answer.reject = true;
            answer.index = message.index;
            answer.commit = log_.committed();
            // Places with a later term than the leader has there cannot match, so a whole term is
            // skipped in one step.
            answer.reject_hint =
                log_.last_with_term_at_most(message.index, message.log_term, answer.log_term);
            return send(std::move(answer));
        }
        case AppendOutcome::kForbidden: return ignore();
        case AppendOutcome::kUnknown: return;  // as if the message were lost
    }
}

void Core::handle_heartbeat(const Message& message) {
    TIMBER_ASSERT_OP(role_, ==, Role::kFollower);
    // The leader sends no more than what this node is known to match. More than is here is
    // nonsense.
    if (message.commit <= log_.last_index()) {
        log_.commit_to(message.commit);
    } else {
        ignore();
    }
    Message answer{.type = MessageType::kHeartbeatResponse, .to = message.from};
    answer.round = message.round;
    answer.commit = log_.committed();
    answer.promised = config_.lease_reads;
    // This waits for no write: a leader whose follower's disk is slow would otherwise take the
    // follower for dead.
    send(std::move(answer));
}

void Core::handle_snapshot(const Message& message) {
    TIMBER_ASSERT(message.snapshot != nullptr);
    const LogIndex end = message.snapshot->metadata.index;
    // Whether the log agrees with it cannot be looked up now. Taken for a log that does not, what
    // is behind that place would be thrown away, and may be acknowledged. As if it were lost.
    if (end > log_.committed() && log_.term(end).lookup == Lookup::kUnknown) return;
    const LogIndex index = restore(message.snapshot) ? log_.last_index() : log_.committed();
    acknowledge_append(message.from, index);
}

bool Core::restore(const SnapshotPointer& snapshot) {
    const SnapshotMetadata& metadata = snapshot->metadata;
    const bool stale = metadata.index <= log_.committed();
    if (stale && !TIMBER_MISTAKE(raft_stale_snapshot_accepted)) return false;
    if (!stale && log_.term(metadata.index).is(metadata.term)) {
        // The log has it already: what the snapshot says is committed can be applied from here,
        // and nothing that was acknowledged is thrown away.
        log_.commit_to(metadata.index);
        return false;
    }
    pass_own_proposals(metadata.index);
    if (!log_.snapshot_pending()) conf_before_snapshot_ = conf_;
    log_.restore(snapshot);
    set_conf(metadata.conf_state);
    TIMBER_ASSERT_OP(log_.last_index(), ==, metadata.index);
    return true;
}

}  // namespace timber::raft
