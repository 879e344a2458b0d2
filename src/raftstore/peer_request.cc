// Requests: checks, then a proposal, a read, or an order to Raft.
#include "src/base/mistake.h"
#include "src/raftstore/peer.h"
#include "src/raftstore/request_checks.h"

namespace timber::raftstore {

void Peer::answer(Callback& callback, Response response) {
    if (callback) std::exchange(callback, {})(std::move(response));
}

void Peer::submit(Request request, Callback callback) {
    TIMBER_ASSERT(!destroying_);
    const RequestKind kind = kind_of(request);
    if (std::optional<RegionError> error = check(kind, header_of(request))) {
        return answer(callback, not_done(std::move(*error), node_->term()));
    }
    const size_t open = gate_.size() + proposals_.size() + reads_.size() + reads_running_;
    if (open >= host_.options().proposals_max) {
        return answer(callback, not_done(server_busy("too many requests wait for this Region"),
                                         node_->term()));
    }
    std::visit([&](auto& one) { this->request(one, std::move(callback)); }, request);
    host_.wake(region_id());
}

std::optional<RegionError> Peer::check(RequestKind kind, const RequestHeader& header) const {
    return check_header(kind, header,
                        {.store = host_.identity().store,
                         .region = region(),
                         .peer = id(),
                         .leads = leads(),
                         .leader = leads() ? std::nullopt : leader(),
                         .term = node_->term()});
}

void Peer::request(WriteRequest& request, Callback callback) {
    const StoreOptions& options = host_.options();
    const KeyLimits limits{options.key_bytes_max, options.value_bytes_max,
                           host_.command_bytes_max()};
    if (std::optional<RegionError> error = check_operations(request.operations, region(), limits)) {
        return answer(callback, not_done(std::move(*error), node_->term()));
    }
    gate_.hold(
        {encode_write(region().epoch, request.operations), std::move(callback), host_.ticks()});
}

void Peer::request(CompactLogRequest& request, Callback callback) {
    const storage::AppliedState& applied = storage_.applied();
    if (request.index > applied.applied) {
        return answer(callback, not_done(message_error("only what is applied can be compacted"),
                                         node_->term()));
    }
    if (request.index <= applied.truncated.index) {
        // It is gone already.
        return answer(callback, Response{.term = node_->term(), .index = applied.applied});
    }
    const Result<raft::Term> term = storage_.term(request.index);
    if (!term.ok() || (request.term != raft::Term(0) && *term != request.term)) {
        return answer(callback,
                      not_done(message_error("the log has no such entry"), node_->term()));
    }
    proposed(node_->propose(encode_compact_log(request.index, *term)), std::move(callback));
}

void Peer::request(ChangePeerRequest& request, Callback callback) {
    PeerMeta peer = request.peer;
    if (const PeerMeta* member = region().find_peer(peer.id)) {
        if (peer.store == StoreId(0)) peer.store = member->store;
    }
    if (request.type != raft::ConfChangeType::kRemove) {
        peer.incarnation = host_.incarnation_of(peer.store).value_or(Incarnation(0));
        const bool voter = request.type == raft::ConfChangeType::kAddVoter;
        if (voter && peer.incarnation == Incarnation(0) &&
            !TIMBER_MISTAKE(rs_incarnation_unchecked)) {
            // Whoever applies the change has to know whose vote counts from then on.
            host_.greet(peer.store, peer.address);
            return answer(callback,
                          not_done(server_busy("the Store has not been met yet"), node_->term()));
        }
    }
    const raft::ConfChange change{request.type, peer.id, encode_change_peer(region().epoch, peer)};
    if (peer.store.value() == 0 || !changed_region(region(), change, peer)) {
        return answer(callback,
                      not_done(message_error("the change does not fit the Region"), node_->term()));
    }
    proposed(node_->propose_conf_change(change), std::move(callback));
}

void Peer::request(TransferLeaderRequest& request, Callback callback) {
    const std::optional<raft::Refusal> refusal = node_->transfer_leader(request.to);
    if (refusal && *refusal != raft::Refusal::kAlreadyLeader) {
        return answer(callback, not_done(refusal_error(*refusal), node_->term()));
    }
    // It is under way; who leads in the end shows.
    answer(callback, Response{.term = node_->term(), .index = storage_.applied().applied});
}

void Peer::propose_held() {
    const auto leads_in = leads() ? std::optional(node_->term()) : std::nullopt;
    raft::LogIndex last;
    size_t accepted = 0;
    for (HeldWrite& write : gate_.take(leads_in, node_->commit())) {
        const raft::Proposed result = node_->propose(std::move(write.payload));
        if (result.accepted()) {
            last = result.first_index;
            ++accepted;
        }
        proposed(result, std::move(write.callback));
    }
    if (accepted > 0) gate_.proposed(last, accepted);
}

void Peer::refuse_held(std::vector<HeldWrite> held, const RegionError& error) {
    for (HeldWrite& write : held) answer(write.callback, not_done(error, node_->term()));
}

void Peer::proposed(const raft::Proposed& proposed, Callback callback) {
    if (!proposed.accepted()) {
        return answer(callback, not_done(refusal_error(*proposed.refusal), node_->term()));
    }
    if (!callback) return;
    if (TIMBER_MISTAKE(rs_ack_before_majority)) {
        return answer(callback, Response{.term = proposed.term, .index = proposed.first_index});
    }
    proposals_.add({proposed.first_index, proposed.term, std::move(callback), host_.ticks()});
}

RegionError Peer::refusal_error(raft::Refusal refusal) const {
    switch (refusal) {
        case raft::Refusal::kNotLeader:
        case raft::Refusal::kNoLeader:
        case raft::Refusal::kLeadershipLost:
            return not_leader(region_id(), leads() ? std::nullopt : leader());
        case raft::Refusal::kTransferPending:
        case raft::Refusal::kUncommittedLimit:
        case raft::Refusal::kReadLimit:
        case raft::Refusal::kMembershipBusy:
        case raft::Refusal::kPromised:
        case raft::Refusal::kDiskStalled:
        case raft::Refusal::kUnappliedChange:
        case raft::Refusal::kTimedOut: return server_busy(std::string(raft::to_string(refusal)));
        case raft::Refusal::kTooLarge:
        case raft::Refusal::kNotVoter:
        case raft::Refusal::kUnknownNode:
        case raft::Refusal::kBadChange:
        case raft::Refusal::kAlreadyLeader:
            return message_error(std::string(raft::to_string(refusal)));
    }
    TIMBER_UNREACHABLE();
}

}  // namespace timber::raftstore
