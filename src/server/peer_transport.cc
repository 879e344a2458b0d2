#include "src/server/peer_transport.h"

#include "src/base/io/log.h"
#include "src/server/incoming_peer.h"
#include "src/server/units.h"

namespace timber::server {

namespace {

constexpr const char* kMessages = "/timberkv.Peer/Messages";
constexpr const char* kSnapshots = "/timberkv.Peer/Snapshots";

}  // namespace

PeerTransport::PeerTransport(PeerTransportOptions options, Clock& clock)
    : options_(std::move(options)), clock_(clock) {}

PeerTransport::~PeerTransport() { stop(); }

Status PeerTransport::start(const storage::StoreIdentity& identity,
                            const std::string& client_address, StoreHandle& store) {
    introduce_as(identity, client_address, store);
    rpc::ServerOptions options;
    options.name = "peers";
    options.address = options_.listen;
    options.message_bytes_max = options_.message_bytes_max;
    options.memory_bytes_max = 4 * options_.message_bytes_max;
    options.connections_max = options_.destinations_max;
    for (const char* method : {kMessages, kSnapshots})
        options.streams[method] = [this](rpc::IncomingStream& stream) {
            return std::make_unique<IncomingPeer>(*this, stream);
        };
    TIMBER_TRY(server_, rpc::Server::start(std::move(options)));
    MutexLock lock(mutex_);
    running_ = true;
    return {};
}

void PeerTransport::stop() {
    std::map<raftstore::StoreId, Destination> destinations;
    std::vector<std::unique_ptr<rpc::Channel>> retired;
    {
        MutexLock lock(mutex_);
        if (!running_) return;
        running_ = false;
        destinations = std::move(destinations_);
        retired = std::move(retired_);
    }
    for (auto& [store, destination] : destinations)
        if (destination.channel != nullptr) destination.channel->close();
    for (auto& channel : retired) channel->close();
    server_->stop();
}

int PeerTransport::port() const { return server_->port(); }

void PeerTransport::send(const std::string& address, raftstore::Envelope envelope) {
    const raftstore::StoreId to = envelope.to;
    const bool snapshot = std::holds_alternative<raftstore::SnapshotOffer>(envelope.body) ||
                          std::holds_alternative<raftstore::SnapshotChunk>(envelope.body);
    std::shared_ptr<PeerLane> lane;
    {
        MutexLock lock(mutex_);
        if (!running_ || address.empty()) return;
        Destination* destination = connect(to, address);
        if (destination == nullptr) return;
        destination->sent_to = ++sends_;
        lane = snapshot ? destination->snapshots : destination->messages;
    }
    lane->send(raftstore::encode_envelope(envelope));
}

PeerTransport::Destination* PeerTransport::find(raftstore::StoreId store) {
    const auto at = destinations_.find(store);
    return at == destinations_.end() ? nullptr : &at->second;
}

void PeerTransport::retire(Destination& destination) {
    destination.messages->close();
    destination.snapshots->close();
    retired_.push_back(std::move(destination.channel));
}

bool PeerTransport::make_room() {
    if (destinations_.size() < options_.destinations_max) return true;
    auto longest = destinations_.end();
    for (auto at = destinations_.begin(); at != destinations_.end(); ++at) {
        if (at->second.peer.connected) continue;
        if (longest == destinations_.end() || at->second.sent_to < longest->second.sent_to)
            longest = at;
    }
    if (longest == destinations_.end()) return false;
    retire(longest->second);
    destinations_.erase(longest);
    return true;
}

PeerTransport::Destination* PeerTransport::connect(raftstore::StoreId store,
                                                   const std::string& address) {
    std::erase_if(retired_, [](const auto& channel) { return channel->idle(); });
    Destination* known = find(store);
    if (known != nullptr && known->peer.peer_address == address) return known;
    // gRPC would also take "unix:/run/x.sock" from whoever asks for an answer there.
    if (!parse_address(address)) return nullptr;
    if (known != nullptr) {
        retire(*known);
    } else if (!make_room()) {
        return nullptr;
    }
    Destination& destination = destinations_[store];
    destination.peer.store = store;
    destination.peer.peer_address = address;
    rpc::ChannelOptions options;
    options.message_bytes_max = options_.message_bytes_max;
    destination.channel = rpc::Channel::open(server_->poller(), address, options);
    LaneOptions lane;
    lane.hello = {kPeerProtocolVersion, identity_, store, client_address_};
    lane.queue_bytes_max = options_.queue_bytes_max;
    lane.method = kMessages;
    destination.messages = std::make_shared<PeerLane>(lane, *destination.channel, clock_,
                                                      static_cast<LaneReport&>(*this));
    lane.method = kSnapshots;
    destination.snapshots = std::make_shared<PeerLane>(lane, *destination.channel, clock_,
                                                       static_cast<LaneReport&>(*this));
    return &destination;
}

std::vector<KnownPeer> PeerTransport::known() const {
    MutexLock lock(mutex_);
    std::vector<KnownPeer> peers;
    for (const auto& [store, destination] : destinations_) peers.push_back(destination.peer);
    return peers;
}

size_t PeerTransport::channels() const {
    MutexLock lock(mutex_);
    return destinations_.size() + retired_.size();
}

void PeerTransport::lost(raftstore::StoreId store) { store_->unreachable(store); }

void PeerTransport::met(raftstore::StoreId store, const PeerWelcome& welcome) {
    MutexLock lock(mutex_);
    Destination* destination = find(store);
    if (!running_ || destination == nullptr) return;
    if (!destination->peer.connected)
        log_info("store {} at {} is connected", store.value(), destination->peer.peer_address);
    destination->peer.connected = true;
    if (welcome.client_address.size() <= raftstore::kAddressBytesMax)
        destination->peer.client_address = welcome.client_address;
    destination->refused.clear();
}

void PeerTransport::parted(raftstore::StoreId store, const rpc::Ending& ending) {
    MutexLock lock(mutex_);
    Destination* destination = find(store);
    if (!running_ || destination == nullptr) return;
    if (destination->peer.connected)
        log_warning("store {} at {} is disconnected: {}", store.value(),
                    destination->peer.peer_address, ending.message);
    destination->peer.connected = false;
    if (ending.code == rpc::Code::kFailedPrecondition && destination->refused != ending.message) {
        destination->refused = ending.message;
        log_error("store {} at {} refuses us: {}", store.value(), destination->peer.peer_address,
                  ending.message);
    }
}

void PeerTransport::introduce_as(const storage::StoreIdentity& identity,
                                 const std::string& client_address, StoreHandle& store) {
    identity_ = identity;
    client_address_ = client_address;
    store_ = &store;
}

std::string PeerTransport::refusal(const PeerHello& hello) const {
    const auto number = [](uint64_t value) { return std::to_string(value); };
    if (hello.protocol_version != kPeerProtocolVersion)
        return "it speaks version " + number(hello.protocol_version) +
               " of the servers' protocol, this server version " + number(kPeerProtocolVersion);
    if (hello.from.cluster != identity_.cluster)
        return "it belongs to cluster " + number(hello.from.cluster.value()) +
               ", this is cluster " + number(identity_.cluster.value());
    if (hello.to != identity_.store)
        return "it looks for store " + number(hello.to.value()) + ", this is store " +
               number(identity_.store.value());
    if (hello.from.store == identity_.store || hello.from.store == raftstore::StoreId{})
        return "it says that it is store " + number(hello.from.store.value()) + ", as is this one";
    if (hello.client_address.size() > raftstore::kAddressBytesMax)
        return "its address for clients is " + number(hello.client_address.size()) + " bytes long";
    return {};
}

PeerWelcome PeerTransport::welcome() const {
    return {kPeerProtocolVersion, identity_, {}, client_address_};
}

// Of Stores that nothing was ever sent to nothing is kept: whoever knows the cluster's number can
// make up any number of them, and clients would be sent to the addresses that they give.
void PeerTransport::introduced(const PeerHello& hello) {
    MutexLock lock(mutex_);
    if (Destination* destination = find(hello.from.store))
        destination->peer.client_address = hello.client_address;
}

void PeerTransport::refused(const std::string& caller, const std::string& reason) {
    constexpr Duration kPeriod = std::chrono::minutes(1);
    MutexLock lock(mutex_);
    const Instant now = clock_.now();
    if (refusals_ == 0 || now - refusals_since_ >= kPeriod) {
        refusals_since_ = now;
        refusals_ = 0;
    }
    if (++refusals_ > options_.refusals_told_max) return;
    log_warning(
        "a server at {} is refused: {}{}", caller, reason,
        refusals_ == options_.refusals_told_max ? " (more are not told of for a minute)" : "");
}

}  // namespace timber::server
