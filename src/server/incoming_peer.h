#pragma once
// A stream that another server opened: its introduction, then its envelopes.
//
// Thread:     the poller's.
// Lifetime:   belongs to the stream; the transport outlives it.
// Invariants: I1  nothing reaches the Store before the introduction was accepted, nor in another
//                 name than the introduced one.
#include "src/rpc/server.h"
#include "src/server/peer_frame.h"

namespace timber::server {

class PeerTransport;

class IncomingPeer final : public rpc::StreamListener {
  public:
    IncomingPeer(PeerTransport& transport, rpc::IncomingStream& stream)
        : transport_(transport), stream_(stream) {}

    void received(rpc::Bytes message) override;

  private:
    void introduce(const PeerHello& hello);
    void refuse(rpc::Code code, const std::string& reason);

    PeerTransport& transport_;
    rpc::IncomingStream& stream_;
    std::optional<PeerHello> hello_{};  // once accepted
};

}  // namespace timber::server
