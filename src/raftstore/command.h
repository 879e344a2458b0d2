#pragma once
// What clients and operators ask of a Region, how writes are encoded into Raft entries, and what
// they get back.
//
// An answer says which of three holds: done; surely not done (only these carry a RegionError such
// as NotLeader or StaleCommand); unknown, which may yet happen, once.
//
// Thread:   plain values. A write is encoded where it comes from (an RPC thread), and its bytes go
//           from there to log, followers and state without another copy.
// Failure:  decode_command() is total. A command of a later version gives kNewerFormat: a Store
// that
//           meets one in its log stops, because skipping it would make replicas differ.
// Format:   versioned; the meaning of a version never changes (FORMAT.md draws it, golden bytes in
//           the tests keep it).
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "src/raftstore/region.h"

namespace timber::raftstore {

// Whom a request is for. Nothing in it: whoever holds the key.
struct RequestHeader {
    RegionId region{};                   // 0: the Region that holds the key
    std::optional<PeerMeta> peer{};      // the peer and Store that the client means
    std::optional<RegionEpoch> epoch{};  // the Region as the client knows it
    raft::Term term{};                   // 0: any
};

// One write operation of a command.
struct WriteOperation {
    enum class Kind : uint8_t { kPut, kDelete };
    Kind kind = Kind::kPut;
    memtable::Family family = memtable::Family::kDefault;
    std::string_view key{};
    std::string_view value{};
};

// --- Replicated commands: payloads of Raft entries ---

// All operations are applied together. The epoch is checked again when the entry is applied.
raft::Payload encode_write(const RegionEpoch& epoch, std::span<const WriteOperation> operations);
// What encode_write() takes, at most.
size_t encoded_write_bytes(std::span<const WriteOperation> operations);
raft::Payload encode_compact_log(raft::LogIndex index, raft::Term term);
// The payload of the membership change's context: the peer in full, and the epoch it was made for.
raft::Payload encode_change_peer(const RegionEpoch& epoch, const PeerMeta& peer);

struct DecodedWrite {
    RegionEpoch epoch{};
    std::vector<WriteOperation> operations{};  // views into the payload
};
struct DecodedCompactLog {
    raft::LogIndex index{};
    raft::Term term{};
};
using DecodedCommand = std::variant<DecodedWrite, DecodedCompactLog>;
Result<DecodedCommand> decode_command(const raft::Payload& payload);
struct DecodedChangePeer {
    RegionEpoch epoch{};
    PeerMeta peer{};
};
Result<DecodedChangePeer> decode_change_peer(const raft::Payload& context);

// --- Requests ---

struct WriteRequest {
    RequestHeader header{};
    // Encoded by the Store when it proposes, against the Region's epoch. The views are copied then.
    std::vector<WriteOperation> operations{};
    // Keeps what the views point into.
    std::shared_ptr<const void> owner{};
};
struct GetRequest {
    RequestHeader header{};
    memtable::Family family = memtable::Family::kDefault;
    std::string key{};
};
struct ScanRequest {
    RequestHeader header{};
    memtable::Family family = memtable::Family::kDefault;
    std::string start_key{};
    uint32_t limit = 0;
    size_t bytes_max = 0;  // of the result; 0: the Store's limit
};
// A consistent view of the whole Region, for reads by the caller.
struct SnapRequest {
    RequestHeader header{};
};
struct CompactLogRequest {
    RequestHeader header{};
    raft::LogIndex index{};
    raft::Term term{};
};
struct TransferLeaderRequest {
    RequestHeader header{};
    PeerId to{};
};
struct ChangePeerRequest {
    RequestHeader header{};
    raft::ConfChangeType type = raft::ConfChangeType::kAddVoter;
    PeerMeta peer{};
};
using Request = std::variant<WriteRequest, GetRequest, ScanRequest, SnapRequest, CompactLogRequest,
                             TransferLeaderRequest, ChangePeerRequest>;

// --- Answers ---

// Why a request was surely not done. The kinds are those of TinyKV's errorpb.
struct RegionError {
    enum class Kind : uint8_t {
        kMessage,    // `message` alone says it: a bad request
        kNotLeader,  // `leader`, where known
        kRegionNotFound,
        kKeyNotInRegion,  // `key`, and the Region's range in `regions`
        kEpochNotMatch,   // `regions`: as they are here
        kStaleCommand,    // another entry took its place, or its term is long over
        kStoreNotMatch,   // `request_store`, `actual_store`
        kServerBusy,      // a queue is full, no space, or the Store is slowed down: try later
    };
    Kind kind = Kind::kMessage;
    std::string message{};
    RegionId region{};
    std::optional<PeerMeta> leader{};
    std::string key{};
    std::vector<Region> regions{};
    StoreId request_store{};
    StoreId actual_store{};
};

enum class Outcome : uint8_t {
    kDone,
    kNotDone,  // surely; `error` says why
    kUnknown,  // it may have happened, or may yet; `error`'s message says why that is not known
};

// The state of a Region at one moment; reads on any thread, waiting for I/O from jobs only.
struct RegionSnapshot {
    Region region{};
    memtable::SnapshotRef snapshot{};
    const memtable::Store* store = nullptr;  // outlives the snapshot's users: the Store waits
};

struct KeyValue {
    std::string key{};
    std::string value{};
};

struct Response {
    Outcome outcome = Outcome::kDone;
    std::optional<RegionError> error{};
    raft::Term term{};  // of the peer that answered; 0 if there was none
    // Of writes: where they are in the Region's log. Of reads: the index they were served at.
    // Tests order histories by it.
    raft::LogIndex index{};
    std::optional<std::string> value{};  // of a get; nothing: the key is absent
    std::vector<KeyValue> pairs{};       // of a scan
    bool pairs_cut = false;  // by bytes_max: there are more, although `limit` is not reached
    std::optional<RegionSnapshot> snap{};  // of a snap
    std::optional<Region> changed{};       // of a change of membership: the Region as it is now
};

// Runs exactly once, on the Store's loop, never within the call that took the request.
using Callback = std::move_only_function<void(Response)>;

}  // namespace timber::raftstore
