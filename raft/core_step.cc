// Terms: a message of a later term moves this node there, one of an earlier term is not heard.
#include "raft/core.h"

namespace timber::raft {

void Core::step(Message message) {
    if (nonsense(message)) return ignore();
    const bool asks = message.type == MessageType::kVote || message.type == MessageType::kPreVote;
    // Whoever hears from a leader does not help to replace it (dissertation, section 4.2.3),
    // unless that leader itself ordered the election.
    const bool forced = message.type == MessageType::kVote && message.forced;
    if (asks && !forced && promise_held_by_clock()) return;
    if (message.term > term_) {
        if (asks && !forced && promise_held()) return;
        step_higher_term(message);
    } else if (message.term < term_) {
        return step_lower_term(message);
    }
    step_current_term(message);
}

void Core::step_higher_term(const Message& message) {
    switch (message.type) {
        // Asking for a term is not entering it, and being granted it neither.
        case MessageType::kPreVote: return;
        case MessageType::kPreVoteResponse:
            if (!message.reject) return;
            break;
        case MessageType::kAppend:
        case MessageType::kHeartbeat:
        case MessageType::kSnapshot: return become_follower(message.term, message.from);
        default: break;
    }
    become_follower(message.term, kNobody);
}

void Core::step_lower_term(const Message& message) {
    switch (message.type) {
        case MessageType::kAppend:
        case MessageType::kHeartbeat:
        case MessageType::kSnapshot: {
            // A node that entered a term nobody else has heard of would not hear the leader of the
            // term before, and could not make itself heard either where votes are refused, or
            // where it has none because it is a learner. Telling that leader makes it step down,
            // and the next election brings both together (dissertation, figure 3.1, AppendEntries
            // receiver, rule 1).
            Message answer{.type = MessageType::kAppendResponse, .to = message.from};
            answer.reject = true;
            answer.index = message.index;
            return send(std::move(answer));
        }
        case MessageType::kVote:
        case MessageType::kPreVote: {
            // It learns of the later term, and asks for one after that. Left alone it might never
            // get there: two candidates that count by different memberships, of which one does
            // not ask the other, raise their terms in step.
            const bool pre = message.type == MessageType::kPreVote;
            Message answer{.type = pre ? MessageType::kPreVoteResponse : MessageType::kVoteResponse,
                           .to = message.from};
            answer.reject = true;
            return send(std::move(answer));
        }
        default: return;
    }
}

void Core::step_current_term(Message& message) {
    TIMBER_ASSERT(message.term == term_ || message.type == MessageType::kPreVote ||
                  message.type == MessageType::kPreVoteResponse);
    switch (message.type) {
        case MessageType::kVote:
        case MessageType::kPreVote: return handle_vote_request(message);
        case MessageType::kVoteResponse:
        case MessageType::kPreVoteResponse: return handle_vote_response(message);
        case MessageType::kAppend:
        case MessageType::kHeartbeat:
        case MessageType::kSnapshot: return step_from_leader(message);
        case MessageType::kTimeoutNow: return handle_timeout_now(message);
        case MessageType::kReadIndexResponse: return handle_read_response(message);
        case MessageType::kTransferLeader: return handle_transfer_request(message);
        case MessageType::kReadIndex: return handle_read_request(message);
        case MessageType::kAppendResponse:
        case MessageType::kHeartbeatResponse: return step_leader(message);
    }
}

void Core::step_from_leader(Message& message) {
    // A term has one leader. Another that claims to be it, to this node if it leads itself or to
    // its follower, is no member of an honest group.
    if (role_ == Role::kLeader) return ignore();
    if (role_ == Role::kFollower && leader_ != kNobody && leader_ != message.from) return ignore();
    if (role_ != Role::kFollower || leader_ != message.from) {
        become_follower(term_, message.from);
    }
    election_elapsed_ = 0;
    silent_timeouts_ = 0;
    renew_promise();
    if (message.type == MessageType::kAppend) return handle_append(message);
    if (message.type == MessageType::kHeartbeat) return handle_heartbeat(message);
    handle_snapshot(message);
}

void Core::step_leader(const Message& message) {
    if (role_ != Role::kLeader) return;
    Progress* progress = find_progress(message.from);
    if (progress == nullptr) return ignore();
    progress->recently_active = true;
    // Bounded by what can be true: a number from outside is not believed beyond that.
    if (message.commit <= log_.last_index()) {
        progress->commit_known = std::max(progress->commit_known, message.commit);
    }
    if (message.type == MessageType::kAppendResponse) {
        handle_append_response(message);
    } else {
        handle_heartbeat_response(message);
    }
    if (leaving_) check_left();
}

}  // namespace timber::raft
