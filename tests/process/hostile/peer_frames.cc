#include "tests/process/hostile/peer_frames.h"

#include "src/base/checksum.h"
#include "src/base/coding.h"
#include "tests/process/hostile/attacks.h"

namespace timber::hostile {

namespace {

using namespace raftstore;

constexpr RegionId kRegion{1};

std::string text_of(const raft::Payload& payload) { return std::string(payload.text()); }

// Near `height`, at an end of the numbers, or anywhere.
uint64_t any_number(Random& random, uint64_t height) {
    switch (random.below(8)) {
        case 0: return 0;
        case 1: return UINT64_MAX;
        case 2: return random.next();
        case 3: return uint64_t{1} << random.below(64);
        default: return height + random.below(16) - std::min<uint64_t>(height, 8);
    }
}

raft::Payload any_payload(Random& random) {
    return raft::Payload::copy_of(random_bytes(random, random.one_in(8) ? 300'000 : 200));
}

raft::SnapshotPointer any_snapshot(Random& random, uint64_t height) {
    auto snapshot = std::make_shared<raft::Snapshot>();
    snapshot->metadata.index = raft::LogIndex(any_number(random, height));
    snapshot->metadata.term = raft::Term(any_number(random, height));
    for (uint64_t i = random.below(5); i > 0; --i)
        snapshot->metadata.conf_state.voters.push_back(PeerId(random.below(6)));
    SnapshotManifest manifest{.region = {.id = kRegion, .epoch = {3, 1}}};
    for (uint64_t i = random.below(4); i > 0; --i)
        manifest.files.push_back({memtable::Family::kDefault, memtable::FileId{},
                                  any_number(random, 1000), random.next()});
    snapshot->data = random.one_in(4) ? any_payload(random) : encode_snapshot_manifest(manifest);
    return snapshot;
}

TransferId any_transfer(Random& random, const PeerPair& pair) {
    return {random.one_in(4) ? StoreId(random.next()) : pair.from.store, random.below(4)};
}

SnapshotOffer any_offer(Random& random, const PeerPair& pair) {
    SnapshotOffer offer{any_transfer(random, pair), any_raft_message(random, pair, 100, 10)};
    offer.message.message.type = raft::MessageType::kSnapshot;
    offer.message.message.entries.clear();
    offer.message.message.snapshot = any_snapshot(random, 10);
    return offer;
}

SnapshotChunk any_chunk(Random& random, const PeerPair& pair) {
    SnapshotChunk chunk{any_transfer(random, pair), static_cast<uint32_t>(random.below(3)),
                        any_number(random, 0), any_payload(random)};
    chunk.checksum = random.one_in(4) ? random.next() : checksum64(chunk.data.bytes());
    return chunk;
}

// Where nobody listens, and each time somewhere else.
std::string any_address(Random& random) {
    if (random.one_in(8)) return random_bytes(random, 5000);
    return "127.0.0." + std::to_string(random.between(2, 250)) + ":1";
}

}  // namespace

server::PeerHello hello_of(const PeerPair& pair) {
    return {.from = pair.from, .to = StoreId(pair.to), .client_address = "127.0.0.1:1"};
}

Envelope envelope_of(const PeerPair& pair) {
    return {.cluster = pair.from.cluster,
            .from = pair.from.store,
            .from_incarnation = pair.from.incarnation,
            .to = StoreId(pair.to)};
}

std::string frame_of(const std::vector<std::string>& envelopes) {
    std::vector<rpc::Bytes> pieces;
    for (const std::string& envelope : envelopes)
        server::add_envelope(pieces, rpc::Bytes::copy_of(envelope));
    std::string frame;
    for (const rpc::Bytes& piece : pieces) frame += piece.text();
    return frame;
}

std::string with_checksum(std::string envelope) {
    if (envelope.size() < sizeof(uint32_t)) return envelope;
    const uint32_t checksum = checksum32(as_bytes(envelope).subspan(sizeof(uint32_t)));
    store(reinterpret_cast<std::byte*>(envelope.data()), checksum);
    return envelope;
}

RaftMessage any_raft_message(Random& random, const PeerPair& pair, uint64_t from_peer,
                             uint64_t height) {
    RaftMessage message{.region = random.one_in(8) ? RegionId(random.below(4)) : kRegion};
    message.from_peer = {.id = PeerId(from_peer), .store = pair.from.store};
    message.to_peer = {.id = PeerId(random.one_in(16) ? random.next() : pair.to),
                       .store = StoreId(pair.to)};
    message.tombstone = random.one_in(32);
    raft::Message& inner = message.message;
    inner.type = static_cast<raft::MessageType>(
        random.below(static_cast<uint64_t>(raft::kMessageTypeLast) + 1));
    inner.from = message.from_peer.id;
    inner.to = message.to_peer.id;
    inner.term = raft::Term(any_number(random, height));
    inner.reject = random.one_in(2);
    inner.forced = random.one_in(2);
    inner.promised = random.one_in(2);
    inner.index = raft::LogIndex(any_number(random, height));
    inner.log_term = raft::Term(any_number(random, height));
    inner.commit = raft::LogIndex(any_number(random, height));
    inner.reject_hint = raft::LogIndex(any_number(random, height));
    inner.round = any_number(random, height);
    inner.node = PeerId(random.below(5));
    raft::LogIndex next = inner.index;
    for (uint64_t i = random.below(6); i > 0; --i) {
        ++next;
        raft::Entry entry;
        entry.index = random.one_in(8) ? raft::LogIndex(any_number(random, height)) : next;
        entry.term = random.one_in(4) ? inner.log_term : inner.term;
        entry.type = random.one_in(4) ? raft::EntryType::kConfChange : raft::EntryType::kNormal;
        entry.payload = any_payload(random);
        inner.entries.push_back(std::move(entry));
    }
    if (inner.type == raft::MessageType::kSnapshot) inner.snapshot = any_snapshot(random, height);
    return message;
}

Envelope any_other_envelope(Random& random, const PeerPair& pair) {
    Envelope envelope = envelope_of(pair);
    switch (random.below(4)) {
        case 0: envelope.body = any_offer(random, pair); break;
        case 1: envelope.body = any_chunk(random, pair); break;
        case 2:
            envelope.body = SnapshotAck{
                any_transfer(random, pair), static_cast<SnapshotAck::State>(random.below(3)),
                static_cast<uint32_t>(random.below(3)), random.next(), random_bytes(random, 1000)};
            break;
        default:
            envelope.body = Greeting{.answer = random.one_in(2), .address = any_address(random)};
            break;
    }
    return envelope;
}

std::string spoilt_envelope(Random& random, const PeerPair& pair) {
    Envelope envelope = any_other_envelope(random, pair);
    if (random.one_in(4)) envelope.cluster = ClusterId(random.next());
    if (random.one_in(4)) envelope.from = StoreId(random.below(5));
    if (random.one_in(4)) envelope.from_incarnation = Incarnation(random.next());
    if (random.one_in(4)) envelope.to_incarnation = Incarnation(random.next());
    if (random.one_in(4)) envelope.to = StoreId(random.below(5));
    const std::string bytes = text_of(encode_envelope(envelope));
    if (random.one_in(3)) return bytes;
    // With a checksum that fits, the decoder looks further.
    const std::string changed = mutated(random, bytes);
    return random.one_in(3) ? changed : with_checksum(changed);
}

}  // namespace timber::hostile
