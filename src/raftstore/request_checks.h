#pragma once
// What is checked before a request is taken, in this order: the Store, leadership, the peer, the
// term, the epoch, the keys (tinykv's order, with StoreNotMatch where it forgot that error). And
// the errors themselves, each of which fills exactly what belongs to its kind.
//
// Thread: pure functions.
#include <optional>
#include <string>
#include <string_view>

#include "src/raftstore/command.h"
#include "src/raftstore/region.h"

namespace timber::raftstore {

// What decides which parts of the epoch must agree.
enum class RequestKind : uint8_t { kRead, kWrite, kCompactLog, kChangePeer, kTransferLeader };
RequestKind kind_of(const Request& request);
const RequestHeader& header_of(const Request& request);
// The key by which a request without Region finds its way; nothing where it has none.
std::optional<std::string_view> routing_key(const Request& request);

RegionError message_error(std::string message);
RegionError not_leader(RegionId region, const std::optional<PeerMeta>& leader);
RegionError region_not_found(RegionId region);
RegionError key_not_in_region(std::string_view key, const Region& region);
RegionError epoch_not_match(const Region& region);
RegionError stale_command();
RegionError store_not_match(StoreId asked, StoreId actual);
RegionError server_busy(std::string message);

// The answer that says: surely not done.
Response not_done(RegionError error, raft::Term term = {});
// It may have happened, or may yet.
Response unknown(std::string message, raft::Term term = {});

struct PeerView {
    StoreId store{};
    const Region& region;
    PeerId peer{};
    bool leads = false;
    std::optional<PeerMeta> leader{};
    raft::Term term{};
};

// Checks 2 to 5; the first one, the Store, needs no Region: check_store().
std::optional<RegionError> check_store(const RequestHeader& header, StoreId store);
std::optional<RegionError> check_header(RequestKind kind, const RequestHeader& header,
                                        const PeerView& view);
// Older and newer epochs fail alike. A missing one fails where one is needed.
std::optional<RegionError> check_epoch(RequestKind kind, const std::optional<RegionEpoch>& epoch,
                                       const Region& region);

struct KeyLimits {
    size_t key_bytes_max = 0;
    size_t value_bytes_max = 0;
    size_t command_bytes_max = 0;
};
std::optional<RegionError> check_operations(std::span<const WriteOperation> operations,
                                            const Region& region, const KeyLimits& limits);

}  // namespace timber::raftstore
