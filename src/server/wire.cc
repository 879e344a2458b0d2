#include "src/server/wire.h"

#include <google/protobuf/stubs/logging.h>
#include <kvrpcpb.pb.h>

namespace timber::server {

namespace {

using memtable::Family;

Error refused(std::string why) { return make_error(ErrorCode::kInvalidArgument, std::move(why)); }

Result<Family> family_of(const std::string& cf) {
    for (const Family family : {Family::kDefault, Family::kLock, Family::kWrite})
        if (cf == memtable::to_string(family)) return family;
    if (cf.empty()) return Family::kDefault;
    return refused("unknown column family '" + cf.substr(0, 64) +
                   "': there are default, lock and write");
}

Status check_size(const char* what, size_t bytes, size_t bytes_max) {
    if (bytes <= bytes_max) return {};
    return make_error(ErrorCode::kTooLarge, std::string(what) + " of " + std::to_string(bytes) +
                                                " bytes is over the limit of " +
                                                std::to_string(bytes_max));
}

Status check_key(const std::string& key, const RawLimits& limits) {
    if (key.empty()) return refused("the key is empty");
    return check_size("a key", key.size(), limits.key_bytes_max);
}

raftstore::RequestHeader header_of(bool present, const kvrpcpb::Context& context) {
    raftstore::RequestHeader header;
    if (!present) return header;
    header.region = raftstore::RegionId(context.region_id());
    header.term = raft::Term(context.term());
    if (context.has_region_epoch())
        header.epoch = raftstore::RegionEpoch{context.region_epoch().conf_ver(),
                                              context.region_epoch().version()};
    if (context.has_peer())
        header.peer = raftstore::PeerMeta{.id = raftstore::PeerId(context.peer().id()),
                                          .store = raftstore::StoreId(context.peer().store_id())};
    return header;
}

template <typename Message>
Status parse(Message& message, const rpc::Bytes& bytes) {
    if (bytes.size() <= INT32_MAX &&
        message.ParseFromArray(bytes.bytes().data(), static_cast<int>(bytes.size())))
        return {};
    return make_error(ErrorCode::kCorrupted, "the request is no message of this method");
}

Result<raftstore::Request> decode_get(const rpc::Bytes& bytes, const RawLimits& limits) {
    kvrpcpb::RawGetRequest message;
    TIMBER_CHECK(parse(message, bytes));
    TIMBER_CHECK(check_key(message.key(), limits));
    TIMBER_TRY(const Family family, family_of(message.cf()));
    return raftstore::Request(
        raftstore::GetRequest{.header = header_of(message.has_context(), message.context()),
                              .family = family,
                              .key = std::move(*message.mutable_key())});
}

Result<raftstore::Request> decode_put(const rpc::Bytes& bytes, const RawLimits& limits) {
    // Owned by the request, whose views point into it.
    auto message = std::make_shared<kvrpcpb::RawPutRequest>();
    TIMBER_CHECK(parse(*message, bytes));
    TIMBER_CHECK(check_key(message->key(), limits));
    TIMBER_CHECK(check_size("a value", message->value().size(), limits.value_bytes_max));
    TIMBER_TRY(const Family family, family_of(message->cf()));
    raftstore::WriteRequest write;
    write.header = header_of(message->has_context(), message->context());
    write.operations.push_back({.kind = raftstore::WriteOperation::Kind::kPut,
                                .family = family,
                                .key = message->key(),
                                .value = message->value()});
    write.owner = std::move(message);
    return raftstore::Request(std::move(write));
}

Result<raftstore::Request> decode_delete(const rpc::Bytes& bytes, const RawLimits& limits) {
    auto message = std::make_shared<kvrpcpb::RawDeleteRequest>();  // as above
    TIMBER_CHECK(parse(*message, bytes));
    TIMBER_CHECK(check_key(message->key(), limits));
    TIMBER_TRY(const Family family, family_of(message->cf()));
    raftstore::WriteRequest write;
    write.header = header_of(message->has_context(), message->context());
    write.operations.push_back({.kind = raftstore::WriteOperation::Kind::kDelete,
                                .family = family,
                                .key = message->key()});
    write.owner = std::move(message);
    return raftstore::Request(std::move(write));
}

Result<raftstore::Request> decode_scan(const rpc::Bytes& bytes, const RawLimits& limits) {
    kvrpcpb::RawScanRequest message;
    TIMBER_CHECK(parse(message, bytes));
    // An empty start key is the beginning of everything.
    TIMBER_CHECK(check_size("a key", message.start_key().size(), limits.key_bytes_max));
    TIMBER_TRY(const Family family, family_of(message.cf()));
    if (message.limit() == 0) return refused("limit is 0: say how many pairs are wanted");
    if (message.limit() > limits.scan_limit_max)
        return make_error(ErrorCode::kTooLarge, "limit " + std::to_string(message.limit()) +
                                                    " is over the limit of " +
                                                    std::to_string(limits.scan_limit_max));
    return raftstore::Request(
        raftstore::ScanRequest{.header = header_of(message.has_context(), message.context()),
                               .family = family,
                               .start_key = std::move(*message.mutable_start_key()),
                               .limit = message.limit()});
}

void fill_region(metapb::Region& to, const raftstore::Region& from) {
    to.set_id(from.id.value());
    to.set_start_key(from.start_key);
    to.set_end_key(from.end_key);
    to.mutable_region_epoch()->set_conf_ver(from.epoch.conf_ver);
    to.mutable_region_epoch()->set_version(from.epoch.version);
    for (const raftstore::PeerMeta& peer : from.peers) {
        auto& added = *to.add_peers();
        added.set_id(peer.id.value());
        added.set_store_id(peer.store.value());
    }
}

// What all answers have: where the request was refused, why.
template <typename Message>
void fill_refusal(Message& to, const raftstore::Response& response) {
    if (!response.error) return;
    if (response.error->kind == raftstore::RegionError::Kind::kMessage)
        to.set_error(response.error->message);
    else
        fill_error(*to.mutable_region_error(), *response.error);
}

template <typename Message>
std::string refusal(const std::string& reason) {
    Message message;
    message.set_error(reason);
    return message.SerializeAsString();
}

}  // namespace

const char* path_of(RawMethod method) {
    switch (method) {
        case RawMethod::kGet: return "/tinykvpb.TinyKv/RawGet";
        case RawMethod::kPut: return "/tinykvpb.TinyKv/RawPut";
        case RawMethod::kDelete: return "/tinykvpb.TinyKv/RawDelete";
        case RawMethod::kScan: return "/tinykvpb.TinyKv/RawScan";
    }
    TIMBER_UNREACHABLE();
}

void quiet_protobuf() { google::protobuf::SetLogHandler(nullptr); }

Result<raftstore::Request> decode_raw(RawMethod method, const rpc::Bytes& bytes,
                                      const RawLimits& limits) {
    switch (method) {
        case RawMethod::kGet: return decode_get(bytes, limits);
        case RawMethod::kPut: return decode_put(bytes, limits);
        case RawMethod::kDelete: return decode_delete(bytes, limits);
        case RawMethod::kScan: return decode_scan(bytes, limits);
    }
    TIMBER_UNREACHABLE();
}

std::string encode_raw(RawMethod method, const raftstore::Response& response) {
    TIMBER_ASSERT(response.outcome != raftstore::Outcome::kUnknown);
    switch (method) {
        case RawMethod::kGet: {
            kvrpcpb::RawGetResponse message;
            fill_refusal(message, response);
            if (response.value) message.set_value(*response.value);
            message.set_not_found(!response.error && !response.value);
            return message.SerializeAsString();
        }
        case RawMethod::kPut: {
            kvrpcpb::RawPutResponse message;
            fill_refusal(message, response);
            return message.SerializeAsString();
        }
        case RawMethod::kDelete: {
            kvrpcpb::RawDeleteResponse message;
            fill_refusal(message, response);
            return message.SerializeAsString();
        }
        case RawMethod::kScan: {
            kvrpcpb::RawScanResponse message;
            fill_refusal(message, response);
            if (response.pairs_cut)
                message.set_error("cut off after " + std::to_string(response.pairs.size()) +
                                  " pairs: the answer would be over the limit of bytes; go on "
                                  "behind the last key");
            message.mutable_kvs()->Reserve(static_cast<int>(response.pairs.size()));
            for (const raftstore::KeyValue& pair : response.pairs) {
                auto& added = *message.add_kvs();
                added.set_key(pair.key);
                added.set_value(pair.value);
            }
            return message.SerializeAsString();
        }
    }
    TIMBER_UNREACHABLE();
}

std::string encode_raw_refusal(RawMethod method, const std::string& reason) {
    switch (method) {
        case RawMethod::kGet: return refusal<kvrpcpb::RawGetResponse>(reason);
        case RawMethod::kPut: return refusal<kvrpcpb::RawPutResponse>(reason);
        case RawMethod::kDelete: return refusal<kvrpcpb::RawDeleteResponse>(reason);
        case RawMethod::kScan: return refusal<kvrpcpb::RawScanResponse>(reason);
    }
    TIMBER_UNREACHABLE();
}

void fill_error(errorpb::Error& to, const raftstore::RegionError& from) {
    using Kind = raftstore::RegionError::Kind;
    to.set_message(from.message);
    switch (from.kind) {
        case Kind::kMessage: return;
        case Kind::kNotLeader: {
            auto& error = *to.mutable_not_leader();
            error.set_region_id(from.region.value());
            if (!from.leader) return;
            error.mutable_leader()->set_id(from.leader->id.value());
            error.mutable_leader()->set_store_id(from.leader->store.value());
            return;
        }
        case Kind::kRegionNotFound:
            to.mutable_region_not_found()->set_region_id(from.region.value());
            return;
        case Kind::kKeyNotInRegion: {
            auto& error = *to.mutable_key_not_in_region();
            error.set_key(from.key);
            error.set_region_id(from.region.value());
            if (from.regions.empty()) return;
            error.set_start_key(from.regions.front().start_key);
            error.set_end_key(from.regions.front().end_key);
            return;
        }
        case Kind::kEpochNotMatch: {
            auto& error = *to.mutable_epoch_not_match();
            for (const raftstore::Region& region : from.regions)
                fill_region(*error.add_current_regions(), region);
            return;
        }
        case Kind::kStaleCommand: to.mutable_stale_command(); return;
        case Kind::kStoreNotMatch:
            to.mutable_store_not_match()->set_request_store_id(from.request_store.value());
            to.mutable_store_not_match()->set_actual_store_id(from.actual_store.value());
            return;
        case Kind::kServerBusy:
            to.mutable_server_is_busy()->set_reason(from.message);
            // A client that knows no such field finds it in the text.
            to.set_message("server is busy: " + from.message);
            return;
    }
    TIMBER_UNREACHABLE();
}

}  // namespace timber::server
