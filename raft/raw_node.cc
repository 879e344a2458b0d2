// The front door: checks what the storage holds, and hands everything on to the core.
#include "raft/core.h"
#include "raft/membership.h"
#include "raft/raft.h"

namespace timber::raft {

static Error contradiction(const std::string& detail) {
    return make_error(ErrorCode::kCorrupted, "raft storage: " + detail);
}

static std::string text(LogIndex index) { return std::to_string(index.value()); }

static Result<Core::Start> read_start(const Config& config, const Storage& storage) {
    const InitialState initial = storage.initial_state();
    const LogIndex first = storage.first_index();
    const LogIndex last = storage.last_index();
    if (first == LogIndex(0) || last > kLogIndexMax || first > last + 1) {
        return contradiction("entries " + text(first) + " to " + text(last) + " are no log");
    }
    TIMBER_TRY(const Term last_term, storage.term(last));
    const HardState& hard = initial.hard_state;
    if (hard.term > kTermMax || last_term > hard.term) {
        return contradiction("the last entry is of term " + std::to_string(last_term.value()) +
                             ", the hard state of term " + std::to_string(hard.term.value()));
    }
    if (hard.commit > last) {
        return contradiction("commit index " + text(hard.commit) + " is after the last entry " +
                             text(last));
    }
    if (config.applied > last) {
        return contradiction("applied index " + text(config.applied) + " is after the last entry " +
                             text(last));
    }
    if (!well_formed(initial.conf_state)) return contradiction("the membership is not well-formed");
    // What is compacted was applied, and what is applied was committed.
    const LogIndex applied = std::max(config.applied, first - 1);
    return Core::Start{hard, initial.conf_state, std::max(hard.commit, applied), applied,
                       last_term};
}

Result<RawNode> RawNode::create(const Config& config, const Storage& storage) {
    TIMBER_CHECK(config.validate());
    TIMBER_TRY(const Core::Start start, read_start(config, storage));
    return RawNode(std::make_unique<Core>(config, storage, start));
}

RawNode::RawNode(std::unique_ptr<Core> core) : core_(std::move(core)) {
    TIMBER_ASSERT(core_ != nullptr);
}
RawNode::RawNode(RawNode&&) noexcept = default;
RawNode& RawNode::operator=(RawNode&&) noexcept = default;
RawNode::~RawNode() = default;

void RawNode::tick() { core_->tick(); }
void RawNode::observe_time(BootTimeUs now) { core_->observe_time(now); }
void RawNode::step(Message message) { core_->step(std::move(message)); }
void RawNode::persisted(WriteNumber number) { core_->persisted(number); }
void RawNode::applied(LogIndex index) { core_->applied(index); }

Proposed RawNode::propose(Payload payload) {
    return core_->propose(std::span<const Payload>(&payload, 1), EntryType::kNormal);
}
Proposed RawNode::propose(std::span<const Payload> payloads) {
    return core_->propose(payloads, EntryType::kNormal);
}
Proposed RawNode::propose_conf_change(const ConfChange& change) {
    return core_->propose_conf_change(change);
}
ConfState RawNode::apply_conf_change(LogIndex index, const ConfChange& change) {
    return core_->apply_conf_change(index, change);
}

std::optional<Refusal> RawNode::read_index(ReadId id) { return core_->read_index(id); }
std::optional<LeaseRead> RawNode::begin_lease_read(BootTimeUs now) const {
    return core_->begin_lease_read(now);
}
bool RawNode::lease_covers(const LeaseRead& read, BootTimeUs now) const {
    return core_->lease_covers(read, now);
}

std::optional<Refusal> RawNode::campaign() { return core_->campaign(); }
std::optional<Refusal> RawNode::transfer_leader(NodeId to) { return core_->transfer_leader(to); }
void RawNode::abort_transfer() { core_->abort_transfer(); }
std::optional<Refusal> RawNode::hand_over() { return core_->hand_over(); }

void RawNode::report_unreachable(NodeId node) { core_->report_unreachable(node); }
void RawNode::report_slow(NodeId node, bool slow) { core_->report_slow(node, slow); }
void RawNode::report_snapshot(NodeId node, SnapshotReport report) {
    core_->report_snapshot(node, report);
}
void RawNode::report_own_disk(bool stalled) { core_->report_own_disk(stalled); }

void RawNode::storage_ready() { core_->storage_ready(); }

bool RawNode::has_ready() const { return core_->has_ready(); }
Ready RawNode::ready() { return core_->ready(); }

NodeStatus RawNode::status() const { return core_->status(); }
Term RawNode::term() const { return core_->term(); }
Role RawNode::role() const { return core_->role(); }
NodeId RawNode::leader() const { return core_->leader(); }
LogIndex RawNode::commit() const { return core_->commit(); }
SnapshotPointer RawNode::pending_snapshot() const { return core_->log().pending_snapshot(); }
std::optional<Term> RawNode::term_at(LogIndex index) const {
    const TermAt at = core_->log().term(index);
    if (at.lookup != Lookup::kFound) return std::nullopt;
    return at.term;
}
std::vector<Entry> RawNode::entries(LogIndex low, LogIndex high) const {
    std::vector<Entry> found;
    TIMBER_MAYBE(core_->log().read(std::max(low, core_->log().first_index()), high, SIZE_MAX,
                                   SIZE_MAX, found));
    return found;
}
void RawNode::check_invariants() const { core_->check_invariants(); }

}  // namespace timber::raft
