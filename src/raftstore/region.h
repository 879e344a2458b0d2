#pragma once
// Regions, their peers and epochs, and how they are kept: the words of TinyKV's metapb and
// raft_serverpb as types of our own. The wire's protobuf messages stay in the server.
//
// Thread:   plain values.
// Failure:  decoders are total; bytes that are no such thing give kCorrupted, those of a later
//           version kNewerFormat.
#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "raft/raft.h"
#include "src/base/bytes.h"
#include "src/base/result.h"
#include "src/storage/types.h"

namespace timber::raftstore {

using storage::ClusterId;
using storage::Incarnation;
using storage::RegionId;
using storage::StoreId;
// A peer is a node of its Region's Raft group. 0 is nobody.
using PeerId = raft::NodeId;

// A bootstrapped Region's log begins behind this, so that a peer that a message made, at index 0,
// is behind it and gets a snapshot.
inline constexpr raft::LogIndex kInitialIndex{5};
inline constexpr raft::Term kInitialTerm{5};

// A host's name has 253 bytes at most. Whoever is told an address keeps it, of thousands of Stores.
inline constexpr size_t kAddressBytesMax = 512;

// Of a Region.
inline constexpr size_t kMembersMax = 4096;

// One Region's replica on one Store.
struct PeerMeta {
    PeerId id{};
    StoreId store{};
    bool learner = false;
    // Where the Store's servers-only listener is. Travels with the membership, so that whoever
    // knows the Region can reach its members. At most kAddressBytesMax.
    std::string address{};
    // Of the Store's disk, as the change that made it a member names it. 0 of the members of the
    // first hour, which were all introduced to each other.
    Incarnation incarnation{};

    friend bool operator==(const PeerMeta&, const PeerMeta&) = default;
};

struct RegionEpoch {
    uint64_t conf_ver = 0;  // grows with each change of membership
    uint64_t version = 0;   // grows with each change of the range

    friend bool operator==(const RegionEpoch&, const RegionEpoch&) = default;
};
// Either part lower than the other's.
bool is_stale(const RegionEpoch& epoch, const RegionEpoch& compared_with);

struct Region {
    RegionId id{};
    std::string start_key{};
    std::string end_key{};  // exclusive; empty: no upper limit
    RegionEpoch epoch{};
    std::vector<PeerMeta> peers{};  // sorted by id

    bool contains(std::string_view key) const {
        return key >= start_key && (end_key.empty() || key < end_key);
    }
    const PeerMeta* find_peer(PeerId id) const;
    const PeerMeta* find_store(StoreId store) const;
    raft::ConfState conf_state() const;
    friend bool operator==(const Region&, const Region&) = default;
};

enum class PeerState : uint8_t {
    kNormal = 0,
    // Made by a message; has a peer id and perhaps a vote, and waits for its first snapshot.
    kUninitialized = 1,
    // Was a member and is no more. `peer` is the highest peer id that this Store had here.
    kTombstone = 2,
};

// What AppliedState::region_state holds.
struct RegionLocalState {
    PeerState state = PeerState::kNormal;
    PeerId peer{};  // the own peer
    Region region{};

    friend bool operator==(const RegionLocalState&, const RegionLocalState&) = default;
};

std::string encode_region_local_state(const RegionLocalState& state);
Result<RegionLocalState> decode_region_local_state(std::string_view bytes);

}  // namespace timber::raftstore
