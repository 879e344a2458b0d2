// Reads: confirmed by a round of heartbeats (dissertation, section 6.4), forwarded by followers,
// or served under a lease (section 6.4.1).
//
// Every heartbeat carries the number of its round, and every answer repeats it. A round is
// confirmed when a majority answered it or a later one; so the rounds that a quorum confirms are
// found as committed entries are. An answer to round 7 is proof that when round 7 was sent, or
// later, the answering node had not left this term.
#include "raft/core.h"
#include "raft/quorum.h"
#include "src/base/mistake.h"

namespace timber::raft {

// Rounds that are remembered for the lease. Losing the oldest makes the lease begin later.
static constexpr size_t kRoundsMax = 64;

std::optional<Refusal> Core::read_index(ReadId id) {
    if (leader_reads_.size() + forwarded_reads_.size() >= config_.reads_max) {
        return Refusal::kReadLimit;
    }
    if (role_ == Role::kLeader) {
        if (TIMBER_MISTAKE(raft_read_without_quorum) && committed_own_term()) {
            reads_out_.push_back({id, log_.committed()});
            return std::nullopt;
        }
        leader_reads_.push_back({config_.id, id.value(), 0, {}, tick_count_});
        return std::nullopt;
    }
    if (leader_ == kNobody) return Refusal::kNoLeader;
    forwarded_reads_.push_back({id, 0, tick_count_});
    return std::nullopt;
}

void Core::handle_read_request(const Message& message) {
    if (role_ != Role::kLeader) return;
    if (find_progress(message.from) == nullptr) return ignore();
    // Over the limit it is dropped; the asking node gives up after an election timeout.
    if (leader_reads_.size() >= config_.reads_max) return;
    leader_reads_.push_back({message.from, message.round, 0, {}, tick_count_});
}

void Core::handle_read_response(const Message& message) {
    if (role_ != Role::kFollower || message.from != leader_) return;
    // The batch number begins at a random place in each life: an answer to a question of the life
    // before must not answer a read that was asked since.
    if (message.round > forward_batch_) return ignore();
    while (!forwarded_reads_.empty()) {
        const ForwardedRead& read = forwarded_reads_.front();
        if (read.batch == 0 || read.batch > message.round) return;
        // An answer to a later batch was confirmed later, so it answers the earlier ones too.
        if (message.reject) {
            reads_dropped_out_.push_back({read.id, Refusal::kLeadershipLost});
        } else {
            reads_out_.push_back({read.id, message.index});
        }
        forwarded_reads_.pop_front();
    }
}

bool Core::round_due() const {
    if (role_ != Role::kLeader || leader_reads_.empty()) return false;
    if (leader_reads_.back().round != 0) return false;
    // Before an entry of the own term is committed, entries may be committed that this leader
    // does not know to be.
    return committed_own_term() || TIMBER_MISTAKE(raft_read_before_own_commit);
}

// Every read that waits joins the round that starts, with the commit index as it is now.
void Core::start_round() {
    TIMBER_ASSERT_OP(role_, ==, Role::kLeader);
    ++round_;
    if (config_.lease_reads) rounds_.push_back({round_, now_});
    if (rounds_.size() > kRoundsMax) rounds_.pop_front();
    if (Progress* own = find_progress(config_.id)) own->round_acked = own->round_promised = round_;
    if (!round_due()) return;
    for (auto read = leader_reads_.rbegin(); read != leader_reads_.rend(); ++read) {
        if (read->round != 0) break;
        read->round = round_;
        read->index = log_.committed();
    }
}

void Core::flush_reads() {
    if (round_due()) {
        broadcast_heartbeat();
        confirm_rounds();  // a leader of its own needs nobody's answer
    }
    if (forwarded_reads_.empty() || forwarded_reads_.back().batch != 0) return;
    if (role_ != Role::kFollower || leader_ == kNobody) return;
    ++forward_batch_;
    for (auto read = forwarded_reads_.rbegin(); read != forwarded_reads_.rend(); ++read) {
        if (read->batch != 0) break;
        read->batch = forward_batch_;
    }
    Message ask{.type = MessageType::kReadIndex, .to = leader_};
    ask.round = forward_batch_;
    send(std::move(ask));
}

void Core::confirm_rounds() {
    TIMBER_ASSERT_OP(role_, ==, Role::kLeader);
    const uint64_t confirmed = quorum_of(conf_, [&](NodeId id) -> uint64_t {
        const Progress* progress = find_progress(id);
        return progress != nullptr ? progress->round_acked : 0;
    });
    TIMBER_ASSERT_OP(confirmed, <=, round_);
    if (config_.lease_reads) extend_lease();
    answer_reads(confirmed);
}

void Core::extend_lease() {
    // Not everyone that answers keeps a promise: in a group that is about to switch leases on, some
    // have them off, and vote for another as soon as their ticks say so.
    const uint64_t promised = quorum_of(conf_, [&](NodeId id) -> uint64_t {
        const Progress* progress = find_progress(id);
        if (progress == nullptr) return 0;
        if (TIMBER_MISTAKE(raft_lease_without_promise)) return progress->round_acked;
        return progress->round_promised;
    });
    while (!rounds_.empty() && rounds_.front().number <= promised) {
        // From when it was sent: a follower's promise began when it heard, which was no earlier,
        // and its answer may have been on the way for any length of time.
        std::optional<BootTimeUs> start = rounds_.front().sent_at;
        if (TIMBER_MISTAKE(raft_lease_from_receipt)) start = now_;
        if (start && !lease_forfeited_) lease_start_ = start;
        rounds_.pop_front();
    }
}

void Core::answer_reads(uint64_t confirmed) {
    while (!leader_reads_.empty()) {
        const LeaderRead read = leader_reads_.front();
        if (read.round == 0 || read.round > confirmed) return;
        leader_reads_.pop_front();
        if (read.from == config_.id) {
            reads_out_.push_back({ReadId(read.id), read.index});
            continue;
        }
        Message answer{.type = MessageType::kReadIndexResponse, .to = read.from};
        answer.index = read.index;
        answer.round = read.id;
        send(std::move(answer));
    }
}

void Core::drop_leader_reads(Refusal reason) {
    for (const LeaderRead& read : leader_reads_) {
        if (read.from == config_.id) reads_dropped_out_.push_back({ReadId(read.id), reason});
    }
    leader_reads_.clear();
}

void Core::drop_forwarded_reads(Refusal reason) {
    for (const ForwardedRead& read : forwarded_reads_) {
        reads_dropped_out_.push_back({read.id, reason});
    }
    forwarded_reads_.clear();
}

void Core::tick_reads() {
    const auto expired = [&](uint64_t asked_at_tick) {
        return tick_count_ - asked_at_tick >= config_.election_ticks;
    };
    while (!leader_reads_.empty() && expired(leader_reads_.front().asked_at_tick)) {
        const LeaderRead& read = leader_reads_.front();
        if (read.from == config_.id) {
            reads_dropped_out_.push_back({ReadId(read.id), Refusal::kTimedOut});
        }
        leader_reads_.pop_front();
    }
    while (!forwarded_reads_.empty() && expired(forwarded_reads_.front().asked_at_tick)) {
        reads_dropped_out_.push_back({forwarded_reads_.front().id, Refusal::kTimedOut});
        forwarded_reads_.pop_front();
    }
}

void Core::restart_lease() {
    lease_start_.reset();
    rounds_.clear();
}

bool Core::lease_valid(BootTimeUs now) const {
    if (!config_.lease_reads || role_ != Role::kLeader || leaving_) return false;
    if (!lease_start_ || !committed_own_term()) return false;
    TIMBER_ASSERT(!lease_forfeited_);  // N14
    if (now < *lease_start_) return false;
    return now - *lease_start_ < config_.lease_us();
}

std::optional<LeaseRead> Core::begin_lease_read(BootTimeUs now) const {
    if (!lease_valid(now)) return std::nullopt;
    return LeaseRead{term_, log_.committed()};
}

bool Core::lease_covers(const LeaseRead& read, BootTimeUs now) const {
    return read.term == term_ && lease_valid(now);
}

}  // namespace timber::raft
