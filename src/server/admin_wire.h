#pragma once
// timberkv.Admin's messages, from bytes to values of our own and back. All of protobuf that they
// need is in admin_wire.cc.
//
// Thread:  plain functions.
// Failure: decoders are total; kCorrupted: no such message.
#include <string>
#include <utility>
#include <vector>

#include "src/raftstore/store.h"
#include "src/rpc/types.h"
#include "src/server/peer_transport.h"

namespace timber::server {

inline constexpr const char* kAdminStatus = "/timberkv.Admin/Status";
inline constexpr const char* kAdminTransferLeader = "/timberkv.Admin/TransferLeader";
inline constexpr const char* kAdminChangeMember = "/timberkv.Admin/ChangeMember";

// A Region is named by its id; 0 is the only one there is.
struct TransferOrder {
    raftstore::RegionId region{};
    raftstore::StoreId to{};
};
struct MemberOrder {
    enum class Change : uint8_t { kAddLearner, kPromote, kRemove };
    raftstore::RegionId region{};
    Change change = Change::kAddLearner;
    raftstore::StoreId store{};
    std::string address{};
};

// What a server says of itself.
struct ServerStatus {
    raftstore::StoreStatus store{};
    std::string client_address{};
    std::string peer_address{};
    std::vector<KnownPeer> known{};
    std::vector<std::pair<std::string, uint64_t>> counters{};
};

Result<TransferOrder> decode_transfer(const rpc::Bytes& bytes);
Result<MemberOrder> decode_member_order(const rpc::Bytes& bytes);
std::string encode_status(const ServerStatus& status);
std::string encode_admin(const raftstore::Response& response);
std::string encode_admin_refusal(const std::string& reason);

}  // namespace timber::server
