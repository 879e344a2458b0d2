#pragma once
// The frames of timberkv.Peer's streams: who speaks, and envelopes, whose bytes are taken from the
// frame as slices and put into it without a copy. What protobuf does here is in peer_frame.cc.
//
// Thread:   plain functions.
// Lifetime: envelopes keep the frame that they are slices of, unless the most of it is something
//           else: they are then copies, so that nobody makes the Store keep what it did not count.
// Failure:  decoders are total; kCorrupted for what is no frame.
#include <optional>
#include <vector>

#include "src/raftstore/region.h"
#include "src/rpc/types.h"

namespace timber::server {

// Of the service itself; envelopes carry their own version.
inline constexpr uint32_t kPeerProtocolVersion = 1;

struct PeerHello {
    uint32_t protocol_version = kPeerProtocolVersion;
    storage::StoreIdentity from{};
    raftstore::StoreId to{};
    std::string client_address{};
};
using PeerWelcome = PeerHello;  // without `to`

// Of one frame. An envelope in it is two bytes at least, and what stands for it in memory thirty
// times that: a frame of 80 MiB that holds nothing else would become gigabytes.
inline constexpr size_t kFrameEnvelopesMax = 16'384;

struct PeerFrame {
    std::optional<PeerHello> hello{};
    std::vector<rpc::Bytes> envelopes{};
};

std::string encode_hello(const PeerHello& hello);  // a whole frame
std::string encode_welcome(const PeerWelcome& welcome);
Result<PeerWelcome> decode_welcome(const rpc::Bytes& bytes);

// Adds an envelope to the pieces that make up a frame.
void add_envelope(std::vector<rpc::Bytes>& pieces, const rpc::Bytes& envelope);
Result<PeerFrame> decode_frame(const rpc::Bytes& frame);

}  // namespace timber::server
