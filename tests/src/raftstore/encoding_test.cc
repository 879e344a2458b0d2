// What is written to disk and wire: to the byte, there and back, and from any bytes at all.
#include <gtest/gtest.h>

#include "src/raftstore/codec.h"
#include "src/raftstore/command.h"
#include "src/raftstore/mailbox.h"
#include "src/raftstore/transport.h"

namespace timber::raftstore {
namespace {

std::string hex(std::string_view bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out;
    for (const char byte : bytes) {
        out += kDigits[static_cast<uint8_t>(byte) >> 4];
        out += kDigits[static_cast<uint8_t>(byte) & 15];
    }
    return out;
}

Region region() {
    return {.id = RegionId(7),
            .start_key = "a",
            .end_key = "m",
            .epoch = {3, 2},
            .peers = {{PeerId(1), StoreId(10), false, "h:1"},
                      {PeerId(4), StoreId(300), true, "", Incarnation(5)}}};
}

RaftMessage raft_message() {
    RaftMessage raft;
    raft.region = RegionId(7);
    raft.from_peer = {PeerId(1), StoreId(10), false, "h:1"};
    raft.to_peer = {PeerId(4), StoreId(300), true, ""};
    raft.epoch = {3, 2};
    raft.start_key = "a";
    raft.end_key = "m";
    raft.message.type = raft::MessageType::kAppend;
    raft.message.from = PeerId(1);
    raft.message.to = PeerId(4);
    raft.message.term = raft::Term(6);
    raft.message.index = raft::LogIndex(5);
    raft.message.log_term = raft::Term(5);
    raft.message.commit = raft::LogIndex(5);
    raft.message.reject_hint = raft::LogIndex(2);
    raft.message.round = 900;
    raft.message.node = PeerId(3);
    raft.message.reject = raft.message.promised = true;
    raft.message.entries = {{raft::Term(6), raft::LogIndex(6), raft::EntryType::kNormal, {}},
                            {raft::Term(6), raft::LogIndex(7), raft::EntryType::kConfChange,
                             raft::Payload::copy_of("payload")}};
    return raft;
}

Envelope envelope(decltype(Envelope::body) body) {
    return {ClusterId(77), StoreId(10),    Incarnation(0x1122334455667788),
            StoreId(300),  Incarnation(9), std::move(body)};
}

SnapshotManifest manifest() {
    return {region(),
            {{memtable::Family::kDefault, {5, 6}, 1000, 0xabcdef},
             {memtable::Family::kLock, {5, 7}, 20, 1}}};
}

RaftMessage snapshot_message() {
    RaftMessage raft = raft_message();
    raft.message.type = raft::MessageType::kSnapshot;
    auto snapshot = std::make_shared<raft::Snapshot>();
    snapshot->metadata = {raft::LogIndex(44), raft::Term(6), region().conf_state()};
    snapshot->data = encode_snapshot_manifest(manifest());
    raft.message.snapshot = std::move(snapshot);
    return raft;
}

std::vector<Envelope> envelopes() {
    RaftMessage tombstone = raft_message();
    tombstone.tombstone = true;
    tombstone.message = {};
    SnapshotAck ack{{StoreId(10), 5}, SnapshotAck::State::kRefused, 3, 4096, "no room"};
    SnapshotChunk chunk{{StoreId(10), 5}, 1, 8192, raft::Payload::copy_of("data"), 17};
    return {envelope(raft_message()),
            envelope(tombstone),
            envelope(SnapshotOffer{{StoreId(10), 5}, snapshot_message()}),
            envelope(chunk),
            envelope(ack),
            envelope(Greeting{true, "h:1"})};
}

bool same(const RaftMessage& left, const RaftMessage& right) {
    return left.region == right.region && left.from_peer == right.from_peer &&
           left.to_peer == right.to_peer && left.epoch == right.epoch &&
           left.tombstone == right.tombstone && left.start_key == right.start_key &&
           left.end_key == right.end_key && left.message == right.message;
}

TEST(RegionLocalStateFormat, GoldenBytes) {
    const RegionLocalState state{PeerState::kNormal, PeerId(1), region()};
    EXPECT_EQ(hex(encode_region_local_state(state)),
              "01"  // version
              "00"
              "01"  // normal, own peer 1
              "07"  // Region 7
              "0161"
              "016d"  // a to m
              "0302"  // epoch
              "02"    // peers
              "010a0003683a3100"
              "04ac02010005");
    EXPECT_EQ(*decode_region_local_state(encode_region_local_state(state)), state);
}

TEST(CommandFormat, GoldenBytesOfAWrite) {
    const std::vector<WriteOperation> operations = {
        {WriteOperation::Kind::kPut, memtable::Family::kDefault, "k", "value"},
        {WriteOperation::Kind::kDelete, memtable::Family::kLock, "gone", {}},
        {WriteOperation::Kind::kPut, memtable::Family::kWrite, "", ""}};
    const raft::Payload payload = encode_write({3, 2}, operations);
    EXPECT_EQ(hex(payload.text()),
              "0100"
              "0302"
              "03"
              "0000"
              "016b"
              "0576616c7565"
              "0101"
              "04676f6e65"
              "0002"
              "00"
              "00");
    EXPECT_LE(payload.size(), encoded_write_bytes(operations));
    const DecodedCommand command = *decode_command(payload);
    const auto& write = std::get<DecodedWrite>(command);
    EXPECT_EQ(write.epoch, (RegionEpoch{3, 2}));
    ASSERT_EQ(write.operations.size(), 3u);
    EXPECT_EQ(write.operations[0].value, "value");
    EXPECT_EQ(write.operations[1].kind, WriteOperation::Kind::kDelete);
    EXPECT_EQ(write.operations[2].family, memtable::Family::kWrite);
}

TEST(CommandFormat, GoldenBytesOfCompactionAndChange) {
    const raft::Payload compact = encode_compact_log(raft::LogIndex(300), raft::Term(6));
    EXPECT_EQ(hex(compact.text()),
              "0101"
              "ac0206");
    const DecodedCommand command = *decode_command(compact);
    EXPECT_EQ(std::get<DecodedCompactLog>(command).index, raft::LogIndex(300));
    const raft::Payload change = encode_change_peer({3, 2}, region().peers[1]);
    EXPECT_EQ(hex(change.text()),
              "01"
              "0302"
              "04ac02010005");
    EXPECT_EQ(decode_change_peer(change)->peer, region().peers[1]);
}

TEST(CommandFormat, WhatIsOfALaterVersionIsToldApart) {
    const auto code = [](std::string_view bytes) {
        return decode_command(raft::Payload::copy_of(bytes)).error().code;
    };
    EXPECT_EQ(code("\x02\x01"), ErrorCode::kNewerFormat);
    EXPECT_EQ(code("\x01\x02"), ErrorCode::kNewerFormat);
    EXPECT_EQ(code(std::string_view("\0\1", 2)), ErrorCode::kCorrupted);
    EXPECT_EQ(code("\x01\x01\x05"), ErrorCode::kCorrupted);
    EXPECT_EQ(code("\x01\x01\x05\x05\x05"), ErrorCode::kCorrupted);
}

TEST(CommandFormat, ADishonestCountAllocatesNothing) {
    // A write of 2^60 operations, in ten bytes.
    const std::string_view bytes("\x01\x00\x01\x01\x80\x80\x80\x80\x80\x80\x80\x80\x10", 13);
    EXPECT_EQ(decode_command(raft::Payload::copy_of(bytes)).error().code, ErrorCode::kCorrupted);
}

TEST(ManifestFormat, ThereAndBack) {
    EXPECT_EQ(*decode_snapshot_manifest(encode_snapshot_manifest(manifest())), manifest());
    EXPECT_EQ(hex(encode_snapshot_manifest({region(), {}}).text()).substr(0, 4), "0107");
}

TEST(ManifestFormat, AMemberNamedTwiceIsRefused) {
    SnapshotManifest twice = manifest();
    twice.region.peers[1].id = twice.region.peers[0].id;
    EXPECT_EQ(decode_snapshot_manifest(encode_snapshot_manifest(twice)).error().code,
              ErrorCode::kCorrupted);
}

TEST(EnvelopeFormat, ThereAndBack) {
    for (const Envelope& sent : envelopes()) {
        const Result<Envelope> decoded = decode_envelope(encode_envelope(sent));
        ASSERT_TRUE(decoded.ok()) << decoded.error().to_string();
        EXPECT_EQ(decoded->cluster, sent.cluster);
        EXPECT_EQ(decoded->from_incarnation, sent.from_incarnation);
        EXPECT_EQ(decoded->to, sent.to);
        EXPECT_EQ(decoded->to_incarnation, sent.to_incarnation);
        ASSERT_EQ(decoded->body.index(), sent.body.index());
        if (const auto* raft = std::get_if<RaftMessage>(&sent.body)) {
            EXPECT_TRUE(same(std::get<RaftMessage>(decoded->body), *raft));
        } else if (const auto* offer = std::get_if<SnapshotOffer>(&sent.body)) {
            EXPECT_EQ(std::get<SnapshotOffer>(decoded->body).transfer, offer->transfer);
            EXPECT_TRUE(same(std::get<SnapshotOffer>(decoded->body).message, offer->message));
        } else if (const auto* chunk = std::get_if<SnapshotChunk>(&sent.body)) {
            const auto& got = std::get<SnapshotChunk>(decoded->body);
            EXPECT_EQ(got.data, chunk->data);
            EXPECT_EQ(got.offset, chunk->offset);
            EXPECT_EQ(got.checksum, chunk->checksum);
        } else if (std::holds_alternative<SnapshotAck>(sent.body)) {
            EXPECT_EQ(std::get<SnapshotAck>(decoded->body).reason, "no room");
        } else {
            EXPECT_TRUE(std::get<Greeting>(decoded->body).answer);
            EXPECT_EQ(std::get<Greeting>(decoded->body).address, "h:1");
        }
    }
}

TEST(EnvelopeFormat, PayloadsAreSlicesOfTheFrame) {
    const raft::Payload frame = encode_envelope(envelopes().front());
    const Envelope decoded = *decode_envelope(frame);
    const auto& entries = std::get<RaftMessage>(decoded.body).message.entries;
    EXPECT_GE(entries[1].payload.bytes().data(), frame.bytes().data());
    EXPECT_LT(entries[1].payload.bytes().data(), frame.bytes().data() + frame.size());
}

TEST(EnvelopeFormat, EveryFlippedByteIsNoticed) {
    for (const Envelope& sent : envelopes()) {
        const raft::Payload frame = encode_envelope(sent);
        for (size_t at = 0; at < frame.size(); ++at) {
            std::string bytes(frame.text());
            bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
            EXPECT_FALSE(decode_envelope(raft::Payload::copy_of(bytes)).ok()) << at;
        }
    }
}

// An entry is four bytes here and ten times that in memory; an address is kept, of every Store.
TEST(EnvelopeFormat, WhatIsLargeInMemoryIsLimited) {
    const auto ok = [](decltype(Envelope::body) body) {
        return decode_envelope(encode_envelope(envelope(std::move(body)))).ok();
    };
    RaftMessage crowded = raft_message();
    crowded.message.entries.assign(16'384, {});
    EXPECT_TRUE(ok(crowded));
    crowded.message.entries.emplace_back();
    EXPECT_FALSE(ok(crowded));

    EXPECT_TRUE(ok(Greeting{false, std::string(kAddressBytesMax, 'h')}));
    EXPECT_FALSE(ok(Greeting{false, std::string(kAddressBytesMax + 1, 'h')}));
    RaftMessage far = raft_message();
    far.from_peer.address = std::string(kAddressBytesMax + 1, 'h');
    EXPECT_FALSE(ok(far));

    RaftMessage members = snapshot_message();
    auto snapshot = std::make_shared<raft::Snapshot>(*members.message.snapshot);
    snapshot->metadata.conf_state.voters.assign(kMembersMax + 1, PeerId(1));
    members.message.snapshot = snapshot;
    EXPECT_FALSE(ok(members));
}

TEST(BytesOfEnvelope, CountWhateverWaitsWithIt) {
    const std::string large(100'000, 'x');
    RaftMessage keys = raft_message();
    keys.start_key = large;
    RaftMessage data = snapshot_message();
    auto snapshot = std::make_shared<raft::Snapshot>(*data.message.snapshot);
    snapshot->data = raft::Payload::copy_of(large);
    data.message.snapshot = snapshot;
    EXPECT_GT(bytes_of(envelope(keys)), large.size());
    EXPECT_GT(bytes_of(envelope(SnapshotOffer{{}, data})), large.size());
    EXPECT_GT(bytes_of(envelope(SnapshotAck{.reason = large})), large.size());
    EXPECT_GT(bytes_of(envelope(Greeting{.address = large})), large.size());
    EXPECT_LT(bytes_of(envelope(Greeting{})), 1000u);
}

// Whatever is cut off, it is an error and nothing else.
TEST(Decoders, AreTotal) {
    const std::string local =
        encode_region_local_state({PeerState::kTombstone, PeerId(4), region()});
    for (size_t bytes = 0; bytes < local.size(); ++bytes) {
        EXPECT_FALSE(decode_region_local_state(std::string_view(local).substr(0, bytes)).ok());
    }
    const raft::Payload data = encode_snapshot_manifest(manifest());
    for (size_t bytes = 0; bytes < data.size(); ++bytes) {
        const auto cut = raft::Payload::copy_of(data.bytes().first(bytes));
        EXPECT_FALSE(decode_snapshot_manifest(cut).ok());
    }
    const raft::Payload frame = encode_envelope(envelopes()[2]);
    for (size_t bytes = 0; bytes < frame.size(); ++bytes) {
        EXPECT_FALSE(decode_envelope(raft::Payload::copy_of(frame.bytes().first(bytes))).ok());
    }
}

}  // namespace
}  // namespace timber::raftstore
