#pragma once
// The Transport seam: what Stores say to each other, and how it gets there.
//
// Everything may be lost, delayed, doubled or overtaken; nothing here waits. Raft messages and the
// chunks of snapshots are separate kinds, so that an implementation can keep them on streams of
// their own. Production sends over gRPC, the simulator through a network with a fault model.
//
// Thread:   send() from the Store's loop; messages arrive through Store::receive on the same loop.
// Lifetime: the transport outlives the Store.
// Failure:  a message that cannot be sent is dropped, and TransportListener::unreachable() may say
//           so. Received messages may hold anything: the Store checks them.
#include <string>
#include <variant>
#include <vector>

#include "src/raftstore/region.h"

namespace timber::raftstore {

// A Raft message of one Region.
struct RaftMessage {
    RegionId region{};
    PeerMeta from_peer{};
    PeerMeta to_peer{};
    RegionEpoch epoch{};
    // "You are gone": the sender knows that to_peer is no member any more. No message inside.
    bool tombstone = false;
    // With messages that may make a peer (a vote, a first heartbeat): the Region's range.
    std::string start_key{};
    std::string end_key{};
    raft::Message message{};
};

// Names one transfer of a snapshot. Drawn by the sender for each try.
struct TransferId {
    StoreId sender{};
    uint64_t number = 0;
    friend auto operator<=>(const TransferId&, const TransferId&) = default;
};

// What a snapshot consists of: raft::Snapshot::data holds it, encoded.
struct SnapshotManifest {
    struct File {
        memtable::Family family = memtable::Family::kDefault;
        memtable::FileId id{};
        uint64_t file_bytes = 0;
        uint64_t file_checksum = 0;
        friend bool operator==(const File&, const File&) = default;
    };
    Region region{};
    std::vector<File> files{};
    friend bool operator==(const SnapshotManifest&, const SnapshotManifest&) = default;
};
raft::Payload encode_snapshot_manifest(const SnapshotManifest& manifest);
Result<SnapshotManifest> decode_snapshot_manifest(const raft::Payload& data);

// Begins a transfer: the Raft message with the snapshot, which is handed to the Region once all
// files have arrived.
struct SnapshotOffer {
    TransferId transfer{};
    RaftMessage message{};
};
struct SnapshotChunk {
    TransferId transfer{};
    uint32_t file = 0;  // position in the manifest
    uint64_t offset = 0;
    raft::Payload data{};
    uint64_t checksum = 0;  // XXH3 of data
};
// From the receiver: what it has, so that the sender goes on from there, or why it gives up.
struct SnapshotAck {
    enum class State : uint8_t { kReceiving, kDone, kRefused };
    TransferId transfer{};
    State state = State::kReceiving;
    uint32_t file = 0;
    uint64_t offset = 0;  // the next byte wanted
    std::string reason{};
};

// "Do you know me?" A Store that was formed asks the others until each has answered.
struct Greeting {
    bool answer = false;
    std::string address{};  // of the sender
};

// Sent when a Store meets another: who it is. Messages of a Store whose incarnation is not the one
// known here are refused.
struct Envelope {
    ClusterId cluster{};
    StoreId from{};
    Incarnation from_incarnation{};
    StoreId to{};
    // What the sender takes the receiver for; 0 if it has not met it.
    Incarnation to_incarnation{};
    std::variant<RaftMessage, SnapshotOffer, SnapshotChunk, SnapshotAck, Greeting> body{};
};

// The wire form of an envelope, versioned, and back. Raft messages' payloads are slices of `frame`.
raft::Payload encode_envelope(const Envelope& envelope);
Result<Envelope> decode_envelope(const raft::Payload& frame);

class Transport {
  public:
    virtual ~Transport() = default;
    // `address` as the membership gives it; empty where unknown.
    virtual void send(const std::string& address, Envelope envelope) = 0;
};

}  // namespace timber::raftstore
