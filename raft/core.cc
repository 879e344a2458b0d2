#include "raft/core.h"

#include "raft/membership.h"
#include "src/base/mistake.h"

namespace timber::raft {

Core::Core(const Config& config, const Storage& storage, const Start& start)
    : config_(config),
      random_(config.seed),
      log_(storage,
           {config.log_cache_bytes_max, config.committed_page_bytes_max, config.applying_bytes_max},
           start.commit, start.applied, start.last_term),
      conf_(start.conf_state),
      term_(start.hard_state.term),
      vote_(start.hard_state.vote),
      issued_hard_(start.hard_state),
      forward_batch_(random_.next() >> 1) {
    TIMBER_ASSERT(config_.validate().ok());
    TIMBER_ASSERT(well_formed(conf_));
    TIMBER_ASSERT_OP(start.last_term, <=, term_);
    restart_election_timer();
}

void Core::observe_time(BootTimeUs now) {
    if (!now_ && config_.lease_reads && !TIMBER_MISTAKE(raft_restart_forgets_promise)) {
        // A promise given before the restart may still be relied upon, and nothing here remembers
        // it: a leader's round was answered, the node restarted, and a vote granted now would
        // elect another leader while the first still reads under its lease.
        promised_until_ = now + config_.promise_us();
    }
    if (now_) TIMBER_ASSERT_OP(now, >=, *now_);
    now_ = now;
}

void Core::set_hard_state(Term term, NodeId vote) {
    TIMBER_ASSERT_OP(term, >=, term_);                                    // N1
    if (term == term_) TIMBER_ASSERT(vote_ == kNobody || vote_ == vote);  // N1
    if (term == term_ && vote == vote_) return;
    // A promise of an earlier term that has not left yet helps nobody any more.
    if (term > term_) gated_.clear();
    term_ = term;
    vote_ = vote;
}

bool Core::vote_durable() const {
    return issued_hard_.term == term_ && issued_hard_.vote == vote_ && hard_write_ <= persisted_;
}

void Core::send(Message message) {
    TIMBER_ASSERT(message.to != kNobody);
    TIMBER_ASSERT(message.to != config_.id);
    message.from = config_.id;
    if (message.term == Term(0)) message.term = term_;
    messages_.push_back(std::move(message));
}

void Core::send_durable(Message message, LogIndex log_needed) {
    TIMBER_ASSERT_OP(log_needed, <=, log_.last_index());
    const bool log_ready = log_needed <= log_.durable() || log_needed == LogIndex(0);
    if (vote_durable() && log_ready) return send(std::move(message));
    if (TIMBER_MISTAKE(raft_ack_before_durable) && message.type == MessageType::kAppendResponse &&
        vote_durable() && !log_.snapshot_pending()) {
        return send(std::move(message));
    }
    if (TIMBER_MISTAKE(raft_snapshot_ack_before_installed) &&
        message.type == MessageType::kAppendResponse && log_.snapshot_pending()) {
        return send(std::move(message));
    }
    message.from = config_.id;
    if (message.term == Term(0)) message.term = term_;
    // They wait for the same moment, and the later one says all that the earlier one said. So
    // however long the disk stands still, what waits for it here does not grow.
    for (Message& waiting : gated_) {
        TIMBER_ASSERT_OP(waiting.term, ==, message.term);
        if (waiting.type != message.type || waiting.to != message.to) continue;
        waiting.index = std::max(waiting.index, message.index);
        waiting.commit = std::max(waiting.commit, message.commit);
        return;
    }
    gated_.push_back(std::move(message));
}

void Core::persisted(WriteNumber number) {
    TIMBER_ASSERT_OP(number, <=, last_write_);
    if (number <= persisted_) return;
    persisted_ = number;
    log_.persisted(number);
    if (own_vote_ == OwnVote::kIssued && own_vote_write_ <= number) {
        TIMBER_ASSERT_OP(role_, ==, Role::kCandidate);
        TIMBER_ASSERT_OP(vote_, ==, config_.id);
        own_vote_ = OwnVote::kCounted;
        count_vote(config_.id, true);
    }
    if (role_ != Role::kLeader) return;
    Progress* own = find_progress(config_.id);
    if (own == nullptr) return;
    if (!own->acknowledge(log_.durable())) return;
    if (maybe_commit()) appends_due_ = true;
}

void Core::applied(LogIndex index) {
    TIMBER_ASSERT_OP(index, <=, log_.handed_over());
    log_.applied_to(index);
}

Proposed Core::propose(std::span<const Payload> payloads, EntryType type) {
    TIMBER_ASSERT(!payloads.empty());
    if (role_ != Role::kLeader || leaving_) return {Refusal::kNotLeader, {}, {}};
    if (transferee_ != kNobody) return {Refusal::kTransferPending, {}, {}};
    size_t bytes = 0;
    for (const Payload& payload : payloads) {
        if (payload.size() > config_.entry_bytes_max) return {Refusal::kTooLarge, {}, {}};
        bytes += payload.size() + kEntryOverheadBytes;
    }
    if (payloads.size() > 1 && bytes > config_.uncommitted_bytes_max) {
        return {Refusal::kTooLarge, {}, {}};
    }
    // With nothing under way one entry is taken whatever its size, or it could never be made.
    if (uncommitted_bytes_ > 0 && uncommitted_bytes_ + bytes > config_.uncommitted_bytes_max) {
        return {Refusal::kUncommittedLimit, {}, {}};
    }
    const LogIndex first = log_.last_index() + 1;
    if (own_proposals_.empty() || own_proposals_.back().term != term_) {
        own_proposals_.push_back({term_, first, first});
    }
    for (const Payload& payload : payloads) append_own(type, payload);
    own_proposals_.back().last = log_.last_index();
    uncommitted_bytes_ += bytes;
    TIMBER_ASSERT_OP(log_.last_index() - first, ==, payloads.size() - 1);
    return {std::nullopt, term_, first};
}

}  // namespace timber::raft
