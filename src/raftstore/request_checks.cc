#include "src/raftstore/request_checks.h"

namespace timber::raftstore {

namespace {

struct KindOf {
    RequestKind operator()(const WriteRequest&) const { return RequestKind::kWrite; }
    RequestKind operator()(const GetRequest&) const { return RequestKind::kRead; }
    RequestKind operator()(const ScanRequest&) const { return RequestKind::kRead; }
    RequestKind operator()(const SnapRequest&) const { return RequestKind::kRead; }
    RequestKind operator()(const CompactLogRequest&) const { return RequestKind::kCompactLog; }
    RequestKind operator()(const TransferLeaderRequest&) const {
        return RequestKind::kTransferLeader;
    }
    RequestKind operator()(const ChangePeerRequest&) const { return RequestKind::kChangePeer; }
};

}  // namespace

RequestKind kind_of(const Request& request) { return std::visit(KindOf(), request); }

const RequestHeader& header_of(const Request& request) {
    return std::visit([](const auto& one) -> const RequestHeader& { return one.header; }, request);
}

std::optional<std::string_view> routing_key(const Request& request) {
    if (const auto* write = std::get_if<WriteRequest>(&request)) {
        if (!write->operations.empty()) return write->operations.front().key;
    } else if (const auto* get = std::get_if<GetRequest>(&request)) {
        return get->key;
    } else if (const auto* scan = std::get_if<ScanRequest>(&request)) {
        return scan->start_key;
    }
    return std::nullopt;
}

RegionError message_error(std::string message) {
    return {.kind = RegionError::Kind::kMessage, .message = std::move(message)};
}

RegionError not_leader(RegionId region, const std::optional<PeerMeta>& leader) {
    return {.kind = RegionError::Kind::kNotLeader, .region = region, .leader = leader};
}

RegionError region_not_found(RegionId region) {
    return {.kind = RegionError::Kind::kRegionNotFound, .region = region};
}

RegionError key_not_in_region(std::string_view key, const Region& region) {
    return {.kind = RegionError::Kind::kKeyNotInRegion,
            .region = region.id,
            .key = std::string(key),
            .regions = {region}};
}

RegionError epoch_not_match(const Region& region) {
    return {.kind = RegionError::Kind::kEpochNotMatch, .region = region.id, .regions = {region}};
}

RegionError stale_command() { return {.kind = RegionError::Kind::kStaleCommand}; }

RegionError store_not_match(StoreId asked, StoreId actual) {
    return {
        .kind = RegionError::Kind::kStoreNotMatch, .request_store = asked, .actual_store = actual};
}

RegionError server_busy(std::string message) {
    return {.kind = RegionError::Kind::kServerBusy, .message = std::move(message)};
}

Response not_done(RegionError error, raft::Term term) {
    return {.outcome = Outcome::kNotDone, .error = std::move(error), .term = term};
}

Response unknown(std::string message, raft::Term term) {
    return {.outcome = Outcome::kUnknown, .error = message_error(std::move(message)), .term = term};
}

std::optional<RegionError> check_store(const RequestHeader& header, StoreId store) {
    if (header.peer && header.peer->store != store) {
        return store_not_match(header.peer->store, store);
    }
    return std::nullopt;
}

std::optional<RegionError> check_epoch(RequestKind kind, const std::optional<RegionEpoch>& epoch,
                                       const Region& region) {
    const bool check_version = kind == RequestKind::kRead || kind == RequestKind::kWrite ||
                               kind == RequestKind::kTransferLeader;
    const bool check_conf_ver =
        kind == RequestKind::kChangePeer || kind == RequestKind::kTransferLeader;
    if (!check_version && !check_conf_ver) return std::nullopt;
    if (!epoch) return message_error("the request names no epoch of the Region");
    if (check_version && epoch->version != region.epoch.version) return epoch_not_match(region);
    if (check_conf_ver && epoch->conf_ver != region.epoch.conf_ver) return epoch_not_match(region);
    return std::nullopt;
}

std::optional<RegionError> check_header(RequestKind kind, const RequestHeader& header,
                                        const PeerView& view) {
    if (!view.leads) return not_leader(view.region.id, view.leader);
    if (header.peer && header.peer->id != view.peer) {
        return message_error("peer " + std::to_string(header.peer->id.value()) +
                             " is asked for, this is peer " + std::to_string(view.peer.value()));
    }
    // One term behind is let pass: a leader that was just elected again knows the Region as well.
    if (header.term != raft::Term(0) && view.term > header.term + 1) return stale_command();
    // Who names neither Region nor epoch means whoever holds the key.
    if (header.region == RegionId(0) && !header.epoch) return std::nullopt;
    return check_epoch(kind, header.epoch, view.region);
}

std::optional<RegionError> check_operations(std::span<const WriteOperation> operations,
                                            const Region& region, const KeyLimits& limits) {
    if (operations.empty()) return message_error("the request holds no operation");
    for (const WriteOperation& operation : operations) {
        if (operation.family == memtable::Family::kMeta) {
            return message_error("no such column family");
        }
        if (operation.key.size() > limits.key_bytes_max) {
            return message_error("a key of " + std::to_string(operation.key.size()) +
                                 " bytes; at most " + std::to_string(limits.key_bytes_max) +
                                 " are allowed");
        }
        if (operation.value.size() > limits.value_bytes_max) {
            return message_error("a value of " + std::to_string(operation.value.size()) +
                                 " bytes; at most " + std::to_string(limits.value_bytes_max) +
                                 " are allowed");
        }
        if (!region.contains(operation.key)) return key_not_in_region(operation.key, region);
    }
    if (encoded_write_bytes(operations) > limits.command_bytes_max) {
        return message_error("a write of more than " + std::to_string(limits.command_bytes_max) +
                             " bytes; split it");
    }
    return std::nullopt;
}

}  // namespace timber::raftstore
