// Frames between servers, byte for byte, and the introduction.
#include "src/server/peer_frame.h"

#include <gtest/gtest.h>

#include "src/server/incoming_peer.h"
#include "src/server/peer_transport.h"
#include "tests/src/server/fakes.h"

namespace timber::server {
namespace {

const PeerHello kHello{1,
                       {storage::ClusterId(7), storage::StoreId(1), storage::Incarnation(300)},
                       raftstore::StoreId(2),
                       "h:1"};

TEST(PeerFrame, GoldenBytes) {
    EXPECT_EQ(to_hex(encode_hello(kHello)), "0a1008011007180120ac0228023203683a31");
    EXPECT_EQ(to_hex(encode_welcome(kHello)), "08011007180120ac022a03683a31");
    std::vector<rpc::Bytes> pieces;
    add_envelope(pieces, rpc::Bytes::copy_of("abc"));
    std::string frame;
    for (const rpc::Bytes& piece : pieces) frame += piece.text();
    EXPECT_EQ(to_hex(frame), "1203616263");
}

TEST(PeerFrame, ReadsBackWhatWasWritten) {
    std::vector<rpc::Bytes> pieces{rpc::Bytes::copy_of(encode_hello(kHello))};
    add_envelope(pieces, rpc::Bytes::copy_of("first"));
    add_envelope(pieces, {});
    add_envelope(pieces, rpc::Bytes::copy_of(std::string(100'000, 'x')));
    std::string bytes;
    for (const rpc::Bytes& piece : pieces) bytes += piece.text();
    const auto frame = decode_frame(rpc::Bytes::copy_of(bytes));
    ASSERT_TRUE(frame.ok());
    ASSERT_TRUE(frame->hello.has_value());
    EXPECT_EQ(frame->hello->from, kHello.from);
    EXPECT_EQ(frame->hello->to, kHello.to);
    ASSERT_EQ(frame->envelopes.size(), 3u);
    EXPECT_EQ(frame->envelopes[0].text(), "first");
    EXPECT_EQ(frame->envelopes[2].size(), 100'000u);
    // Every prefix is a frame or an error, and nothing else.
    for (size_t size = 0; size < 64; ++size)
        TIMBER_MAYBE(
            decode_frame(rpc::Bytes::copy_of(std::string_view(bytes).substr(0, size))).ok());
}

TEST(PeerFrame, FieldsOfLaterVersionsAreSkippedAndGarbageIsRefused) {
    const auto ok = [](const char* hex) {
        return decode_frame(rpc::Bytes::copy_of(from_hex(hex))).ok();
    };
    EXPECT_TRUE(
        ok("1801"
           "1203616263"));  // field 3, a number
    EXPECT_TRUE(
        ok("1a0161"
           "250000000012036162"
           "63"));
    EXPECT_FALSE(ok("1204616263"));              // longer than the frame
    EXPECT_FALSE(ok("12ffffffffffffffffff01"));  // much longer
    EXPECT_FALSE(ok("1b"));                      // a group
    EXPECT_FALSE(ok("0a02ffff"));                // no hello
}

TEST(PeerFrame, EnvelopesAreCounted) {
    std::string crowd;
    for (size_t i = 0; i < kFrameEnvelopesMax; ++i) crowd += from_hex("1200");
    EXPECT_TRUE(decode_frame(rpc::Bytes::copy_of(crowd)).ok());
    EXPECT_FALSE(decode_frame(rpc::Bytes::copy_of(crowd + from_hex("1200"))).ok());
}

// A Store counts what it keeps of an envelope, and would keep the whole frame with it.
TEST(PeerFrame, AFewBytesDoNotKeepALargeFrame) {
    const auto is_slice = [](size_t other_bytes) {
        std::string bytes = from_hex("1203616263");
        bytes += from_hex("1a") + static_cast<char>(other_bytes) + std::string(other_bytes, 'o');
        const auto frame = rpc::Bytes::copy_of(bytes);
        const auto decoded = decode_frame(frame);
        EXPECT_EQ(decoded->envelopes.at(0).text(), "abc");
        const std::byte* at = decoded->envelopes.at(0).bytes().data();
        return at >= frame.bytes().data() && at < frame.bytes().data() + frame.size();
    };
    EXPECT_TRUE(is_slice(0));
    EXPECT_FALSE(is_slice(100));
}

// A stream without a network, for the introduction.
class FakeStream final : public rpc::IncomingStream {
  public:
    void send(std::string message) override { sent.push_back(std::move(message)); }
    void finish(rpc::Code code, std::string message) override { ending = {code, message}; }
    std::string caller() const override { return "here"; }

    std::vector<std::string> sent;
    std::optional<rpc::Ending> ending;
};

TEST(PeerTransport, OnlyAServerOfThisClusterThatMeansUsIsWelcome) {
    StoppedClock clock;
    PeerTransport transport({}, clock);
    FakeStore store;
    transport.introduce_as({storage::ClusterId(7), storage::StoreId(2), storage::Incarnation(9)},
                           "h:2", store);
    EXPECT_EQ(transport.refusal(kHello), "");
    PeerHello other = kHello;
    other.protocol_version = 2;
    EXPECT_NE(transport.refusal(other), "");
    other = kHello;
    other.from.cluster = storage::ClusterId(8);
    EXPECT_EQ(transport.refusal(other), "it belongs to cluster 8, this is cluster 7");
    other = kHello;
    other.to = raftstore::StoreId(3);
    EXPECT_NE(transport.refusal(other), "");
    other = kHello;
    other.from.store = raftstore::StoreId(2);
    EXPECT_NE(transport.refusal(other), "");
    other = kHello;
    other.client_address = std::string(100'000, 'h');
    EXPECT_EQ(transport.refusal(other), "its address for clients is 100000 bytes long");

    FakeStream stream;
    IncomingPeer peer(transport, stream);
    peer.received(rpc::Bytes::copy_of(encode_hello(kHello)));
    ASSERT_EQ(stream.sent.size(), 1u);
    EXPECT_EQ(decode_welcome(rpc::Bytes::copy_of(stream.sent[0]))->from.store.value(), 2u);
    // Anybody can introduce himself, under any number of names.
    EXPECT_TRUE(transport.known().empty());
}

TEST(PeerTransport, NothingCountsBeforeTheIntroductionNorInAnothersName) {
    StoppedClock clock;
    PeerTransport transport({}, clock);
    FakeStore store;
    transport.introduce_as({storage::ClusterId(7), storage::StoreId(2), storage::Incarnation(9)},
                           "h:2", store);
    const auto frame_of = [](uint64_t store_id) {
        raftstore::Envelope envelope{.cluster = storage::ClusterId(7),
                                     .from = storage::StoreId(store_id),
                                     .from_incarnation = storage::Incarnation(300),
                                     .to = storage::StoreId(2),
                                     .body = raftstore::SnapshotAck{}};
        std::vector<rpc::Bytes> pieces;
        add_envelope(pieces, raftstore::encode_envelope(envelope));
        std::string bytes;
        for (const rpc::Bytes& piece : pieces) bytes += piece.text();
        return rpc::Bytes::copy_of(bytes);
    };
    FakeStream hasty;
    IncomingPeer unintroduced(transport, hasty);
    unintroduced.received(frame_of(1));
    ASSERT_TRUE(hasty.ending.has_value());
    EXPECT_EQ(hasty.ending->code, rpc::Code::kFailedPrecondition);

    FakeStream stream;
    IncomingPeer peer(transport, stream);
    peer.received(rpc::Bytes::copy_of(encode_hello(kHello)));
    peer.received(frame_of(1));
    EXPECT_EQ(store.received.size(), 1u);
    peer.received(frame_of(3));
    EXPECT_EQ(store.received.size(), 1u);
    ASSERT_TRUE(stream.ending.has_value());
    EXPECT_EQ(stream.ending->code, rpc::Code::kFailedPrecondition);
}

}  // namespace
}  // namespace timber::server
