#include "src/server/admin_service.h"

#include <algorithm>

#include "src/raftstore/request_checks.h"
#include "src/server/units.h"

namespace timber::server {

namespace {

// The peer of `region`, of the only Region if none is named, if it leads; or else it answers. What
// may be done with members is the leader's to say: a follower that has not heard yet of the learner
// that was just added would have it that there is nothing to promote, and a client believes that.
const raftstore::PeerStatus* leading_peer(const raftstore::StoreStatus& status,
                                          raftstore::RegionId region, rpc::Call& call) {
    const raftstore::PeerStatus* found = nullptr;
    for (const raftstore::PeerStatus& peer : status.peers) {
        if (peer.state != raftstore::PeerState::kNormal) continue;
        if (region != raftstore::RegionId{} && peer.region.id != region) continue;
        if (found != nullptr) {
            call.reply(encode_admin_refusal("say which Region: there are several"));
            return nullptr;
        }
        found = &peer;
    }
    if (found != nullptr && found->raft.soft.role == raft::Role::kLeader) return found;
    raftstore::Response response{.outcome = raftstore::Outcome::kNotDone};
    response.error = found != nullptr ? raftstore::not_leader(found->region.id, found->leader)
                                      : raftstore::region_not_found(region);
    call.reply(encode_admin(response));
    return nullptr;
}

std::string name_of(raftstore::StoreId store) { return "store " + std::to_string(store.value()); }

}  // namespace

void AdminService::add_to(rpc::ServerOptions& options) {
    options.unary[kAdminStatus] = [this](rpc::Call& call) { status(call); };
    options.unary[kAdminTransferLeader] = [this](rpc::Call& call) { transfer_leader(call); };
    options.unary[kAdminChangeMember] = [this](rpc::Call& call) { change_member(call); };
}

void AdminService::status(rpc::Call& call) {
    store_.status([this, &call](raftstore::StoreStatus store) {
        ServerStatus status{.store = std::move(store), .known = transport_.known()};
        {
            MutexLock lock(mutex_);
            status.client_address = addresses_.client;
            status.peer_address = addresses_.peer;
        }
        status.counters = {{"calls", clients_.calls()},
                           {"calls_refused_busy", clients_.calls_refused_busy()}};
        call.reply(encode_status(status));
    });
}

void AdminService::transfer_leader(rpc::Call& call) {
    const auto order = decode_transfer(call.request());
    if (!order) return call.fail(rpc::Code::kInvalidArgument, order.error().detail);
    store_.status([this, order = *order, &call](raftstore::StoreStatus status) {
        const raftstore::PeerStatus* peer = leading_peer(status, order.region, call);
        if (peer == nullptr) return;
        const raftstore::PeerMeta* to = peer->region.find_store(order.to);
        if (to == nullptr)
            return call.reply(encode_admin_refusal(name_of(order.to) + " is no member"));
        if (to->learner)
            return call.reply(
                encode_admin_refusal(name_of(order.to) + " is a learner: promote it first"));
        submit(
            raftstore::TransferLeaderRequest{
                .header = {.region = peer->region.id, .epoch = peer->region.epoch}, .to = to->id},
            call);
    });
}

void AdminService::change_member(rpc::Call& call) {
    const auto order = decode_member_order(call.request());
    if (!order) return call.fail(rpc::Code::kInvalidArgument, order.error().detail);
    store_.status([this, order = *order, &call](raftstore::StoreStatus status) {
        const raftstore::PeerStatus* peer = leading_peer(status, order.region, call);
        if (peer == nullptr) return;
        auto change = change_of(order, peer->region);
        if (!change) return call.reply(encode_admin_refusal(change.error().detail));
        submit(std::move(*change), call);
    });
}

void AdminService::submit(raftstore::Request request, rpc::Call& call) {
    store_.submit(std::move(request), [&call](raftstore::Response response) {
        if (response.outcome == raftstore::Outcome::kUnknown)
            return call.fail(rpc::Code::kUnknown,
                             "it is not known whether this was done, or will be: " +
                                 (response.error ? response.error->message : std::string()));
        call.reply(encode_admin(response));
    });
}

Result<raftstore::ChangePeerRequest> change_of(const MemberOrder& order,
                                               const raftstore::Region& region) {
    const auto refused = [&](const std::string& why) {
        return make_error(ErrorCode::kInvalidArgument, name_of(order.store) + " " + why);
    };
    raftstore::ChangePeerRequest request;
    request.header = {.region = region.id, .epoch = region.epoch};
    const raftstore::PeerMeta* member = region.find_store(order.store);
    switch (order.change) {
        case MemberOrder::Change::kAddLearner: {
            if (member != nullptr) return refused("is a member already");
            if (order.store == raftstore::StoreId{})
                return refused("cannot be: stores count from 1");
            TIMBER_TRY(const HostPort address, parse_address(order.address));
            if (address.port == 0) return refused("needs an address with a port");
            const auto same =
                std::ranges::find(region.peers, order.address, &raftstore::PeerMeta::address);
            if (same != region.peers.end())
                return refused("cannot have the address of " + name_of(same->store));
            request.type = raft::ConfChangeType::kAddLearner;
            request.peer = {raftstore::PeerId(region.epoch.conf_ver + 1), order.store, true,
                            order.address};
            return request;
        }
        case MemberOrder::Change::kPromote:
            if (member == nullptr) return refused("is no member: add it first");
            if (!member->learner) return refused("is a voter already");
            request.type = raft::ConfChangeType::kAddVoter;
            request.peer = *member;
            request.peer.learner = false;
            return request;
        case MemberOrder::Change::kRemove:
            if (member == nullptr) return refused("is no member");
            if (region.peers.size() == 1) return refused("is the last member");
            request.type = raft::ConfChangeType::kRemove;
            request.peer = *member;
            return request;
    }
    TIMBER_UNREACHABLE();
}

}  // namespace timber::server
