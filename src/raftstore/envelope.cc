// The wire form of what Stores say to each other; FORMAT.md, "Envelopes".
#if defined(__GNUC__) && !defined(__clang__)
// g++ 12 takes the alternatives that a moved variant does not hold for uninitialised.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include "src/base/checksum.h"
#include "src/raftstore/codec.h"
#include "src/raftstore/transport.h"

namespace timber::raftstore {

namespace {

constexpr uint8_t kEnvelopeVersion = 1;
constexpr size_t kChecksumBytes = 4;
// Of one message. Raft sends no more than raft::Config::message_entries_max, a quarter of this.
constexpr size_t kEntriesMax = 16'384;

enum class BodyKind : uint8_t { kRaft = 0, kOffer = 1, kChunk = 2, kAck = 3, kGreeting = 4 };

enum MessageFlags : uint8_t {
    kReject = 1,
    kForced = 2,
    kPromised = 4,
    kHasSnapshot = 8,
    kMessageFlagsAll = 15,
};

// --- Encoding ---

void put_ids(Encoder& encoder, const std::vector<PeerId>& ids) {
    encoder.varint(ids.size());
    for (const PeerId id : ids) encoder.id(id);
}

void put_snapshot(Encoder& encoder, const raft::Snapshot& snapshot) {
    encoder.id(snapshot.metadata.index);
    encoder.id(snapshot.metadata.term);
    put_ids(encoder, snapshot.metadata.conf_state.voters);
    put_ids(encoder, snapshot.metadata.conf_state.learners);
    put_ids(encoder, snapshot.metadata.conf_state.voters_outgoing);
    encoder.payload(snapshot.data);
}

void put_message(Encoder& encoder, const raft::Message& message) {
    uint8_t flags = 0;
    if (message.reject) flags |= kReject;
    if (message.forced) flags |= kForced;
    if (message.promised) flags |= kPromised;
    if (message.snapshot) flags |= kHasSnapshot;
    encoder.u8(static_cast<uint8_t>(message.type));
    encoder.u8(flags);
    encoder.id(message.from);
    encoder.id(message.to);
    encoder.id(message.term);
    encoder.id(message.index);
    encoder.id(message.log_term);
    encoder.id(message.commit);
    encoder.id(message.reject_hint);
    encoder.varint(message.round);
    encoder.id(message.node);
    encoder.varint(message.entries.size());
    for (const raft::Entry& entry : message.entries) {
        encoder.id(entry.term);
        encoder.id(entry.index);
        encoder.u8(static_cast<uint8_t>(entry.type));
        encoder.payload(entry.payload);
    }
    if (message.snapshot) put_snapshot(encoder, *message.snapshot);
}

void put_raft(Encoder& encoder, const RaftMessage& raft) {
    encoder.id(raft.region);
    encoder.peer(raft.from_peer);
    encoder.peer(raft.to_peer);
    encoder.epoch(raft.epoch);
    encoder.text(raft.start_key);
    encoder.text(raft.end_key);
    encoder.u8(raft.tombstone ? 1 : 0);
    if (!raft.tombstone) put_message(encoder, raft.message);
}

void put_transfer(Encoder& encoder, const TransferId& transfer) {
    encoder.id(transfer.sender);
    encoder.fixed64(transfer.number);
}

void put_body(Encoder& encoder, const RaftMessage& raft) { put_raft(encoder, raft); }

void put_body(Encoder& encoder, const SnapshotOffer& offer) {
    put_transfer(encoder, offer.transfer);
    put_raft(encoder, offer.message);
}

void put_body(Encoder& encoder, const SnapshotChunk& chunk) {
    put_transfer(encoder, chunk.transfer);
    encoder.varint(chunk.file);
    encoder.varint(chunk.offset);
    encoder.fixed64(chunk.checksum);
    encoder.payload(chunk.data);
}

void put_body(Encoder& encoder, const SnapshotAck& ack) {
    put_transfer(encoder, ack.transfer);
    encoder.u8(static_cast<uint8_t>(ack.state));
    encoder.varint(ack.file);
    encoder.varint(ack.offset);
    encoder.text(ack.reason);
}

void put_body(Encoder& encoder, const Greeting& greeting) {
    encoder.u8(greeting.answer ? 1 : 0);
    encoder.text(greeting.address);
}

// About how much it takes, so that the buffer need not grow under large payloads.
size_t bytes_expected(const Envelope& envelope) {
    size_t bytes = 256;
    if (const auto* raft = std::get_if<RaftMessage>(&envelope.body)) {
        for (const raft::Entry& entry : raft->message.entries) bytes += 32 + entry.payload.size();
    } else if (const auto* chunk = std::get_if<SnapshotChunk>(&envelope.body)) {
        bytes += chunk->data.size();
    }
    return bytes;
}

// --- Decoding ---

// The frame, kept by every payload that is a slice of it.
using FrameOwner = std::shared_ptr<const raft::Payload>;

raft::Payload slice(Decoder& decoder, const FrameOwner& frame) {
    const ByteView bytes = as_bytes(decoder.text());
    return bytes.empty() ? raft::Payload() : raft::Payload(frame, bytes);
}

std::vector<PeerId> get_ids(Decoder& decoder) {
    const size_t count = decoder.count(1, kMembersMax);
    std::vector<PeerId> ids;
    ids.reserve(count);
    for (size_t i = 0; i < count && decoder.ok(); ++i) ids.push_back(decoder.id<PeerId>());
    return ids;
}

raft::SnapshotPointer get_snapshot(Decoder& decoder, const FrameOwner& frame) {
    auto snapshot = std::make_shared<raft::Snapshot>();
    snapshot->metadata.index = decoder.id<raft::LogIndex>();
    snapshot->metadata.term = decoder.id<raft::Term>();
    snapshot->metadata.conf_state.voters = get_ids(decoder);
    snapshot->metadata.conf_state.learners = get_ids(decoder);
    snapshot->metadata.conf_state.voters_outgoing = get_ids(decoder);
    snapshot->data = slice(decoder, frame);
    return snapshot;
}

raft::Message get_message(Decoder& decoder, const FrameOwner& frame) {
    constexpr size_t kEntryBytesMin = 4;
    raft::Message message;
    message.type = decoder.choice(raft::kMessageTypeLast);
    const uint8_t flags = decoder.u8();
    if ((flags & ~kMessageFlagsAll) != 0) decoder.malformed();
    message.reject = (flags & kReject) != 0;
    message.forced = (flags & kForced) != 0;
    message.promised = (flags & kPromised) != 0;
    message.from = decoder.id<PeerId>();
    message.to = decoder.id<PeerId>();
    message.term = decoder.id<raft::Term>();
    message.index = decoder.id<raft::LogIndex>();
    message.log_term = decoder.id<raft::Term>();
    message.commit = decoder.id<raft::LogIndex>();
    message.reject_hint = decoder.id<raft::LogIndex>();
    message.round = decoder.varint();
    message.node = decoder.id<PeerId>();
    const size_t entries = decoder.count(kEntryBytesMin, kEntriesMax);
    message.entries.reserve(entries);
    for (size_t i = 0; i < entries && decoder.ok(); ++i) {
        raft::Entry& entry = message.entries.emplace_back();
        entry.term = decoder.id<raft::Term>();
        entry.index = decoder.id<raft::LogIndex>();
        entry.type = decoder.choice(raft::EntryType::kConfChange);
        entry.payload = slice(decoder, frame);
    }
    if ((flags & kHasSnapshot) != 0) message.snapshot = get_snapshot(decoder, frame);
    return message;
}

RaftMessage get_raft(Decoder& decoder, const FrameOwner& frame) {
    RaftMessage raft;
    raft.region = decoder.id<RegionId>();
    raft.from_peer = decoder.peer();
    raft.to_peer = decoder.peer();
    raft.epoch = decoder.epoch();
    raft.start_key = decoder.text();
    raft.end_key = decoder.text();
    const uint8_t tombstone = decoder.u8();
    if (tombstone > 1) decoder.malformed();
    raft.tombstone = tombstone == 1;
    if (!raft.tombstone) raft.message = get_message(decoder, frame);
    return raft;
}

TransferId get_transfer(Decoder& decoder) {
    TransferId transfer;
    transfer.sender = decoder.id<StoreId>();
    transfer.number = decoder.fixed64();
    return transfer;
}

uint32_t get_file(Decoder& decoder) {
    const uint64_t file = decoder.varint();
    if (file > UINT32_MAX) decoder.malformed();
    return static_cast<uint32_t>(file);
}

SnapshotChunk get_chunk(Decoder& decoder, const FrameOwner& frame) {
    SnapshotChunk chunk;
    chunk.transfer = get_transfer(decoder);
    chunk.file = get_file(decoder);
    chunk.offset = decoder.varint();
    chunk.checksum = decoder.fixed64();
    chunk.data = slice(decoder, frame);
    return chunk;
}

SnapshotAck get_ack(Decoder& decoder) {
    SnapshotAck ack;
    ack.transfer = get_transfer(decoder);
    ack.state = decoder.choice(SnapshotAck::State::kRefused);
    ack.file = get_file(decoder);
    ack.offset = decoder.varint();
    ack.reason = decoder.text();
    return ack;
}

Greeting get_greeting(Decoder& decoder) {
    const uint8_t answer = decoder.u8();
    if (answer > 1) decoder.malformed();
    return {.answer = answer == 1, .address = decoder.address()};
}

}  // namespace

raft::Payload encode_envelope(const Envelope& envelope) {
    Encoder encoder(bytes_expected(envelope));
    encoder.fixed32(0);
    encoder.u8(kEnvelopeVersion);
    encoder.id(envelope.cluster);
    encoder.id(envelope.from);
    encoder.fixed64(envelope.from_incarnation.value());
    encoder.id(envelope.to);
    encoder.fixed64(envelope.to_incarnation.value());
    encoder.u8(static_cast<uint8_t>(envelope.body.index()));
    std::visit([&](const auto& body) { put_body(encoder, body); }, envelope.body);
    std::vector<std::byte>& bytes = encoder.bytes();
    store(bytes.data(), checksum32(ByteView(bytes).subspan(kChecksumBytes)));
    return encoder.take_payload();
}

Result<Envelope> decode_envelope(const raft::Payload& frame) {
    Decoder decoder("envelope", frame.bytes());
    const uint32_t checksum = decoder.fixed32();
    if (!decoder.ok() || checksum != checksum32(frame.bytes().subspan(kChecksumBytes))) {
        return make_error(ErrorCode::kCorrupted, "envelope: its checksum is wrong");
    }
    decoder.version(kEnvelopeVersion);
    const auto owner = std::make_shared<const raft::Payload>(frame);
    Envelope envelope;
    envelope.cluster = decoder.id<ClusterId>();
    envelope.from = decoder.id<StoreId>();
    envelope.from_incarnation = Incarnation(decoder.fixed64());
    envelope.to = decoder.id<StoreId>();
    envelope.to_incarnation = Incarnation(decoder.fixed64());
    switch (decoder.choice(BodyKind::kGreeting)) {
        case BodyKind::kRaft: envelope.body = get_raft(decoder, owner); break;
        case BodyKind::kOffer: {
            SnapshotOffer offer;
            offer.transfer = get_transfer(decoder);
            offer.message = get_raft(decoder, owner);
            envelope.body = std::move(offer);
            break;
        }
        case BodyKind::kChunk: envelope.body = get_chunk(decoder, owner); break;
        case BodyKind::kAck: envelope.body = get_ack(decoder); break;
        case BodyKind::kGreeting: envelope.body = get_greeting(decoder); break;
    }
    TIMBER_CHECK(decoder.finish());
    return envelope;
}

}  // namespace timber::raftstore
