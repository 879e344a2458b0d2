#include "src/raftstore/codec.h"

namespace timber::raftstore {

void Encoder::epoch(const RegionEpoch& epoch) {
    varint(epoch.conf_ver);
    varint(epoch.version);
}

void Encoder::peer(const PeerMeta& peer) {
    id(peer.id);
    id(peer.store);
    u8(peer.learner ? 1 : 0);
    text(peer.address);
    id(peer.incarnation);
}

void Encoder::region(const Region& region) {
    id(region.id);
    text(region.start_key);
    text(region.end_key);
    epoch(region.epoch);
    varint(region.peers.size());
    for (const PeerMeta& member : region.peers) peer(member);
}

size_t Decoder::count(size_t item_bytes_min, size_t items_max) {
    const uint64_t count = varint();
    if (count > items_max || count > reader_.remaining() / item_bytes_min) {
        malformed();
        return 0;
    }
    return count;
}

void Decoder::version(uint8_t newest) {
    const uint8_t found = u8();
    if (found == 0) malformed();
    if (found > newest) unknown();
}

RegionEpoch Decoder::epoch() {
    RegionEpoch epoch;
    epoch.conf_ver = varint();
    epoch.version = varint();
    return epoch;
}

std::string Decoder::address() {
    const std::string_view address = text();
    if (address.size() <= kAddressBytesMax) return std::string(address);
    malformed();
    return {};
}

PeerMeta Decoder::peer() {
    PeerMeta peer;
    peer.id = id<PeerId>();
    peer.store = id<StoreId>();
    const uint8_t learner = u8();
    if (learner > 1) malformed();
    peer.learner = learner == 1;
    peer.address = address();
    peer.incarnation = id<Incarnation>();
    return peer;
}

Region Decoder::region() {
    constexpr size_t kPeerBytesMin = 5;
    Region region;
    region.id = id<RegionId>();
    region.start_key = text();
    region.end_key = text();
    region.epoch = epoch();
    const size_t peers = count(kPeerBytesMin, kMembersMax);
    region.peers.reserve(peers);
    for (size_t i = 0; i < peers && ok(); ++i) region.peers.push_back(peer());
    // Sorted and without a double: a member named twice would be counted twice.
    for (size_t i = 1; i < region.peers.size(); ++i) {
        if (region.peers[i].id <= region.peers[i - 1].id) malformed();
    }
    return region;
}

Status Decoder::finish() const {
    const std::string what = what_;
    if (unknown_) return make_error(ErrorCode::kNewerFormat, what + ": of a later version");
    if (malformed_) return make_error(ErrorCode::kCorrupted, what + ": malformed");
    if (!reader_.ok()) return make_error(ErrorCode::kCorrupted, what + ": cut short");
    if (reader_.remaining() > 0) {
        return make_error(ErrorCode::kCorrupted,
                          what + ": " + std::to_string(reader_.remaining()) + " bytes too many");
    }
    return {};
}

}  // namespace timber::raftstore
