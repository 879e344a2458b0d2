#include "src/server/admin_wire.h"

#include <algorithm>

#include <timberkv/admin.pb.h>
#include "src/server/version.h"
#include "src/server/wire.h"

namespace timber::server {

namespace {

template <typename Message>
Status parse(Message& message, const rpc::Bytes& bytes) {
    if (bytes.size() <= INT32_MAX &&
        message.ParseFromArray(bytes.bytes().data(), static_cast<int>(bytes.size())))
        return {};
    return make_error(ErrorCode::kCorrupted, "the request is no message of this method");
}

void fill_member(timberkv::Member& to, const raftstore::PeerMeta& from) {
    to.set_peer_id(from.id.value());
    to.set_store_id(from.store.value());
    to.set_learner(from.learner);
    to.set_address(from.address);
}

void fill_region(timberkv::RegionStatus& to, const raftstore::Region& from) {
    to.set_region_id(from.id.value());
    to.set_start_key(from.start_key);
    to.set_end_key(from.end_key);
    to.set_conf_ver(from.epoch.conf_ver);
    to.set_version(from.epoch.version);
    for (const raftstore::PeerMeta& peer : from.peers) fill_member(*to.add_members(), peer);
}

const char* name_of(raftstore::PeerState state) {
    switch (state) {
        case raftstore::PeerState::kNormal: return "normal";
        case raftstore::PeerState::kUninitialized: return "uninitialized";
        case raftstore::PeerState::kTombstone: return "tombstone";
    }
    TIMBER_UNREACHABLE();
}

const char* name_of(raft::Role role) {
    switch (role) {
        case raft::Role::kFollower: return "follower";
        case raft::Role::kPreCandidate: return "pre-candidate";
        case raft::Role::kCandidate: return "candidate";
        case raft::Role::kLeader: return "leader";
    }
    TIMBER_UNREACHABLE();
}

const char* name_of(raft::ProgressState state) {
    switch (state) {
        case raft::ProgressState::kProbe: return "probe";
        case raft::ProgressState::kReplicate: return "replicate";
        case raft::ProgressState::kSnapshot: return "snapshot";
    }
    TIMBER_UNREACHABLE();
}

void fill_peer(timberkv::RegionStatus& to, const raftstore::PeerStatus& from) {
    fill_region(to, from.region);
    to.set_peer_id(from.peer.id.value());
    to.set_state(name_of(from.state));
    to.set_role(name_of(from.raft.soft.role));
    if (from.leader) fill_member(*to.mutable_leader(), *from.leader);
    to.set_term(from.raft.hard.term.value());
    to.set_first_index(from.raft.first_index.value());
    to.set_last_index(from.raft.last_index.value());
    to.set_commit_index(from.raft.hard.commit.value());
    to.set_applied_index(from.raft.applied.value());
    to.set_installing_snapshot(from.installing);
    to.set_proposals_pending(from.proposals_pending);
    for (const raft::ProgressStatus& progress : from.raft.progress) {
        auto& added = *to.add_progress();
        added.set_peer_id(progress.id.value());
        added.set_match_index(progress.match.value());
        added.set_state(name_of(progress.state));
        added.set_recently_active(progress.recently_active);
    }
}

void add_counters(timberkv::StatusResponse& to, const ServerStatus& status) {
    const auto add = [&](std::string_view name, uint64_t value) {
        to.add_counters()->set_name(std::string(name));
        to.mutable_counters()->rbegin()->set_value(value);
    };
    const raftstore::StoreStatus& store = status.store;
    for (const auto& [name, value] : status.counters) add(name, value);
    add("commands", store.commands);
    add("commands_refused_busy", store.commands_refused_busy);
    add("messages_sent", store.messages_sent);
    add("messages_received", store.messages_received);
    add("messages_refused", store.messages_refused);
    add("snapshots_sent", store.snapshots_sent);
    add("snapshots_received", store.snapshots_received);
    add("snapshots_failed", store.snapshots_failed);
    add("engine_commits", store.engine.commits);
    add("log_bytes_live", store.engine.log_bytes_live);
}

}  // namespace

Result<TransferOrder> decode_transfer(const rpc::Bytes& bytes) {
    timberkv::TransferLeaderRequest message;
    TIMBER_CHECK(parse(message, bytes));
    return TransferOrder{raftstore::RegionId(message.region_id()),
                         raftstore::StoreId(message.to_store_id())};
}

Result<MemberOrder> decode_member_order(const rpc::Bytes& bytes) {
    timberkv::ChangeMemberRequest message;
    TIMBER_CHECK(parse(message, bytes));
    MemberOrder order{raftstore::RegionId(message.region_id()),
                      {},
                      raftstore::StoreId(message.store_id()),
                      message.address()};
    switch (message.change()) {
        case timberkv::ChangeMemberRequest::ADD_LEARNER:
            order.change = MemberOrder::Change::kAddLearner;
            return order;
        case timberkv::ChangeMemberRequest::PROMOTE:
            order.change = MemberOrder::Change::kPromote;
            return order;
        case timberkv::ChangeMemberRequest::REMOVE:
            order.change = MemberOrder::Change::kRemove;
            return order;
        default: return make_error(ErrorCode::kInvalidArgument, "unknown change of membership");
    }
}

std::string encode_status(const ServerStatus& status) {
    timberkv::StatusResponse message;
    message.set_cluster_id(status.store.identity.cluster.value());
    message.set_store_id(status.store.identity.store.value());
    message.set_incarnation(status.store.identity.incarnation.value());
    message.set_version(kVersion);
    message.set_protocol_version(kPeerProtocolVersion);
    message.set_client_address(status.client_address);
    message.set_peer_address(status.peer_address);
    for (const raftstore::PeerStatus& peer : status.store.peers)
        fill_peer(*message.add_regions(), peer);
    for (const KnownPeer& peer : status.known) {
        auto& added = *message.add_stores();
        added.set_store_id(peer.store.value());
        added.set_peer_address(peer.peer_address);
        added.set_client_address(peer.client_address);
        added.set_connected(peer.connected);
    }
    add_counters(message, status);
    return message.SerializeAsString();
}

std::string encode_admin(const raftstore::Response& response) {
    TIMBER_ASSERT(response.outcome != raftstore::Outcome::kUnknown);
    timberkv::AdminResponse message;
    if (response.error && response.error->kind == raftstore::RegionError::Kind::kMessage)
        message.set_error(response.error->message);
    else if (response.error)
        fill_error(*message.mutable_region_error(), *response.error);
    if (response.changed) fill_region(*message.mutable_region(), *response.changed);
    return message.SerializeAsString();
}

std::string encode_admin_refusal(const std::string& reason) {
    timberkv::AdminResponse message;
    message.set_error(reason);
    return message.SerializeAsString();
}

}  // namespace timber::server
