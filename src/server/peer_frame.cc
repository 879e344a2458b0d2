#include "src/server/peer_frame.h"

#include <timberkv/peer.pb.h>
#include "src/base/coding.h"

namespace timber::server {

namespace {

// Protobuf's tags of the fields of timberkv.Frame: number times eight, and the wire type of what
// carries its length.
constexpr uint64_t kHelloTag = 1 << 3 | 2;
constexpr uint64_t kEnvelopeTag = 2 << 3 | 2;

Error no_frame() { return make_error(ErrorCode::kCorrupted, "no frame of timberkv.Peer"); }

template <typename Message>
void fill(Message& to, const PeerHello& from) {
    to.set_protocol_version(from.protocol_version);
    to.set_cluster_id(from.from.cluster.value());
    to.set_store_id(from.from.store.value());
    to.set_incarnation(from.from.incarnation.value());
    to.set_client_address(from.client_address);
}

template <typename Message>
PeerHello taken_from(const Message& message) {
    PeerHello hello;
    hello.protocol_version = message.protocol_version();
    hello.from = {storage::ClusterId(message.cluster_id()), storage::StoreId(message.store_id()),
                  storage::Incarnation(message.incarnation())};
    hello.client_address = message.client_address();
    return hello;
}

// Skips a field that a later version added.
void skip_field(ByteReader& reader, uint64_t tag) {
    switch (tag & 7) {
        case 0: reader.varint(); return;
        case 1: reader.bytes(8); return;
        case 2: reader.bytes(reader.varint()); return;
        case 5: reader.bytes(4); return;
        default: reader.bytes(UINT64_MAX); return;  // fails
    }
}

}  // namespace

std::string encode_hello(const PeerHello& hello) {
    timberkv::Frame frame;
    fill(*frame.mutable_hello(), hello);
    frame.mutable_hello()->set_to_store_id(hello.to.value());
    return frame.SerializeAsString();
}

std::string encode_welcome(const PeerWelcome& welcome) {
    timberkv::Welcome message;
    fill(message, welcome);
    return message.SerializeAsString();
}

Result<PeerWelcome> decode_welcome(const rpc::Bytes& bytes) {
    timberkv::Welcome message;
    if (bytes.size() > INT32_MAX ||
        !message.ParseFromArray(bytes.bytes().data(), static_cast<int>(bytes.size())))
        return make_error(ErrorCode::kCorrupted, "no welcome of timberkv.Peer");
    return taken_from(message);
}

void add_envelope(std::vector<rpc::Bytes>& pieces, const rpc::Bytes& envelope) {
    std::byte header[2 * kVarintBytesMax];
    size_t bytes = store_varint(header, kEnvelopeTag);
    bytes += store_varint(header + bytes, envelope.size());
    pieces.push_back(rpc::Bytes::copy_of(ByteView(header, bytes)));
    pieces.push_back(envelope);
}

Result<PeerFrame> decode_frame(const rpc::Bytes& frame) {
    PeerFrame decoded;
    // Envelopes keep the whole frame.
    const auto owner = std::make_shared<rpc::Bytes>(frame);
    size_t envelope_bytes = 0;
    ByteReader reader(frame.bytes());
    while (reader.ok() && reader.remaining() > 0) {
        const uint64_t tag = reader.varint();
        if (tag == kEnvelopeTag) {
            const ByteView envelope = reader.bytes(reader.varint());
            if (!reader.ok()) break;
            if (decoded.envelopes.size() == kFrameEnvelopesMax) return no_frame();
            decoded.envelopes.emplace_back(owner, envelope);
            envelope_bytes += envelope.size();
        } else if (tag == kHelloTag) {
            const ByteView bytes = reader.bytes(reader.varint());
            timberkv::Hello hello;
            if (!reader.ok() || bytes.size() > INT32_MAX ||
                !hello.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
                return no_frame();
            decoded.hello = taken_from(hello);
            decoded.hello->to = raftstore::StoreId(hello.to_store_id());
        } else {
            skip_field(reader, tag);
        }
    }
    if (!reader.ok()) return no_frame();
    if (envelope_bytes < frame.size() / 2)
        for (rpc::Bytes& envelope : decoded.envelopes)
            envelope = rpc::Bytes::copy_of(envelope.bytes());
    return decoded;
}

}  // namespace timber::server
