#pragma once
// What one server says to another, as somebody says it who is none: made by the server's own
// encoders, then spoilt.
//
// Thread:  plain functions.
#include <string>
#include <vector>

#include "src/base/random.h"
#include "src/raftstore/transport.h"
#include "src/server/peer_frame.h"

namespace timber::hostile {

// Who speaks to whom.
struct PeerPair {
    storage::StoreIdentity from{};
    uint64_t to = 0;
};

server::PeerHello hello_of(const PeerPair& pair);
raftstore::Envelope envelope_of(const PeerPair& pair);
std::string frame_of(const std::vector<std::string>& envelopes);
// With the checksum that fits, whatever the rest has become.
std::string with_checksum(std::string envelope);

// A message to the Region's peer on the other side, in the name of its peer `from_peer`; numbers
// near `height`, or anything at all.
raftstore::RaftMessage any_raft_message(Random& random, const PeerPair& pair, uint64_t from_peer,
                                        uint64_t height);
// Any body but a Raft message.
raftstore::Envelope any_other_envelope(Random& random, const PeerPair& pair);
// Bytes that are an envelope of this pair, or nearly.
std::string spoilt_envelope(Random& random, const PeerPair& pair);

}  // namespace timber::hostile
