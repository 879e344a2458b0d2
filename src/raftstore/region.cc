#include "src/raftstore/region.h"

#include <algorithm>

#include "src/raftstore/codec.h"

namespace timber::raftstore {

static constexpr uint8_t kRegionLocalStateVersion = 1;

bool is_stale(const RegionEpoch& epoch, const RegionEpoch& compared_with) {
    return epoch.conf_ver < compared_with.conf_ver || epoch.version < compared_with.version;
}

const PeerMeta* Region::find_peer(PeerId peer) const {
    const auto found = std::ranges::find(peers, peer, &PeerMeta::id);
    return found != peers.end() ? &*found : nullptr;
}

const PeerMeta* Region::find_store(StoreId store) const {
    const auto found = std::ranges::find(peers, store, &PeerMeta::store);
    return found != peers.end() ? &*found : nullptr;
}

raft::ConfState Region::conf_state() const {
    raft::ConfState conf;
    for (const PeerMeta& peer : peers) {
        (peer.learner ? conf.learners : conf.voters).push_back(peer.id);
    }
    return conf;
}

std::string encode_region_local_state(const RegionLocalState& state) {
    Encoder encoder;
    encoder.u8(kRegionLocalStateVersion);
    encoder.u8(static_cast<uint8_t>(state.state));
    encoder.id(state.peer);
    encoder.region(state.region);
    return encoder.take_string();
}

Result<RegionLocalState> decode_region_local_state(std::string_view bytes) {
    Decoder decoder("state of a Region", as_bytes(bytes));
    decoder.version(kRegionLocalStateVersion);
    RegionLocalState state;
    state.state = decoder.choice(PeerState::kTombstone);
    state.peer = decoder.id<PeerId>();
    state.region = decoder.region();
    TIMBER_CHECK(decoder.finish());
    return state;
}

}  // namespace timber::raftstore
