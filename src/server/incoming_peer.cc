#include "src/server/incoming_peer.h"

#include "src/server/peer_transport.h"

namespace timber::server {

void IncomingPeer::received(rpc::Bytes message) {
    auto frame = decode_frame(message);
    if (!frame) return refuse(rpc::Code::kInvalidArgument, frame.error().detail);
    if (!hello_) {
        if (!frame->hello)
            return refuse(rpc::Code::kFailedPrecondition, "it did not say who it is");
        introduce(*frame->hello);
        if (!hello_) return;
    }
    for (const rpc::Bytes& bytes : frame->envelopes) {
        auto envelope = raftstore::decode_envelope(bytes);
        if (!envelope) return refuse(rpc::Code::kInvalidArgument, envelope.error().detail);
        if (envelope->cluster != hello_->from.cluster || envelope->from != hello_->from.store ||
            envelope->from_incarnation != hello_->from.incarnation)
            return refuse(rpc::Code::kFailedPrecondition, "an envelope is in another's name");
        transport_.store().receive(std::move(*envelope));
    }
}

void IncomingPeer::introduce(const PeerHello& hello) {
    if (const std::string reason = transport_.refusal(hello); !reason.empty())
        return refuse(rpc::Code::kFailedPrecondition, reason);
    hello_ = hello;
    transport_.introduced(hello);
    stream_.send(encode_welcome(transport_.welcome()));
}

void IncomingPeer::refuse(rpc::Code code, const std::string& reason) {
    transport_.refused(stream_.caller(), reason);
    stream_.finish(code, reason);
}

}  // namespace timber::server
