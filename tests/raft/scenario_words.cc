#include "tests/raft/scenario_words.h"

namespace timber::raft::test {

static std::string place(LogIndex index, Term term) { return number(index) + "/" + number(term); }

static std::string change_text(const Payload& payload) {
    const Result<ConfChange> change = decode_conf_change(payload);
    if (!change) return "no-change";
    switch (change->type) {
        case ConfChangeType::kAddVoter: return "add-voter(" + number(change->node) + ")";
        case ConfChangeType::kAddLearner: return "add-learner(" + number(change->node) + ")";
        case ConfChangeType::kRemove: return "remove(" + number(change->node) + ")";
    }
    TIMBER_UNREACHABLE();
}

std::string text_of(const Entry& entry) {
    const std::string where = place(entry.index, entry.term) + " ";
    if (entry.type == EntryType::kConfChange) return where + change_text(entry.payload);
    if (entry.payload.empty()) return where + "-";
    // Long ones are there for their length.
    if (entry.payload.size() > 20) {
        return where + std::to_string(entry.payload.size()) + " bytes";
    }
    return where + std::string(entry.payload.text());
}

std::string text_of(const std::vector<Entry>& entries) {
    if (entries.empty()) return "no entries";
    std::string text;
    for (const Entry& entry : entries) text += (text.empty() ? "" : ", ") + text_of(entry);
    return text;
}

static std::string ids_text(const std::vector<NodeId>& ids) {
    std::string text;
    for (const NodeId id : ids) text += " " + number(id);
    return text.empty() ? " none" : text;
}

std::string text_of(const ConfState& conf) {
    std::string text = "voters" + ids_text(conf.voters);
    if (!conf.learners.empty()) text += ", learners" + ids_text(conf.learners);
    if (!conf.voters_outgoing.empty()) text += ", outgoing" + ids_text(conf.voters_outgoing);
    return text;
}

static std::string response_text(const Message& message) {
    if (!message.reject) return ", holds " + number(message.index);
    return ", no entry " + number(message.index) + " like that, try after " +
           place(message.reject_hint, message.log_term);
}

static std::string snapshot_text(const Snapshot& snapshot) {
    return " up to " + place(snapshot.metadata.index, snapshot.metadata.term) + ", " +
           text_of(snapshot.metadata.conf_state) + ", state \"" +
           std::string(snapshot.data.text()) + "\"";
}

std::string text_of(const Message& message) {
    std::string text = std::string(to_string(message.type)) + " term " + number(message.term);
    switch (message.type) {
        case MessageType::kVote:
        case MessageType::kPreVote:
            text += ", log ends " + place(message.index, message.log_term);
            return text + (message.forced ? ", forced" : "");
        case MessageType::kVoteResponse:
        case MessageType::kPreVoteResponse: return text + (message.reject ? ", no" : ", yes");
        case MessageType::kAppend:
            return text + " after " + place(message.index, message.log_term) + " commit " +
                   number(message.commit) + ": " + text_of(message.entries);
        case MessageType::kAppendResponse: return text + response_text(message);
        case MessageType::kHeartbeat: return text + " commit " + number(message.commit);
        case MessageType::kSnapshot:
            return text + (message.snapshot ? snapshot_text(*message.snapshot) : " without any");
        case MessageType::kTransferLeader: return text + " to " + number(message.node);
        case MessageType::kReadIndexResponse:
            return text + (message.reject ? ", no" : " at " + number(message.index));
        case MessageType::kHeartbeatResponse:
            return text + (message.promised ? ", promises not to vote" : "");
        case MessageType::kTimeoutNow:
        case MessageType::kReadIndex: return text;
    }
    return text;
}

std::string text_of(const Write& write) {
    std::string text = "#" + number(write.number) + ":";
    if (write.snapshot) text += " snapshot" + snapshot_text(*write.snapshot) + ";";
    if (!write.entries.empty()) text += " " + text_of(write.entries) + ";";
    if (write.hard_state) {
        text += " term " + number(write.hard_state->term) + " vote " +
                number(write.hard_state->vote) + " commit " + number(write.hard_state->commit) +
                ";";
    }
    text.pop_back();
    return text;
}

std::string text_of(const ProgressStatus& progress) {
    std::string text = number(progress.id) + ": " + std::string(to_string(progress.state)) +
                       " match " + number(progress.match) + " next " + number(progress.next);
    if (progress.learner) text += ", learner";
    if (progress.paused) text += ", paused";
    if (progress.slow) text += ", slow";
    if (progress.pending_snapshot != LogIndex(0)) {
        text += ", snapshot " + number(progress.pending_snapshot);
    }
    if (progress.inflight_messages > 0) {
        text += ", in flight " + std::to_string(progress.inflight_messages);
    }
    return text + (progress.recently_active ? "" : ", silent");
}

}  // namespace timber::raft::test
