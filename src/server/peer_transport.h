#pragma once
// The Transport seam over gRPC: a listener that only servers have business with, and two streams,
// one for messages and one for snapshots, to each other server that there is something to say to.
//
// Both sides introduce themselves before anything else is sent: cluster, store, incarnation and
// protocol version. Who is of another cluster, means another Store or speaks another version is
// refused, and the log says why. Whether an incarnation is the known one is the Store's affair.
//
// Thread:     send() from the Store's loop; start() and stop() from the thread that owns the
//             server; known() from any.
// Lifetime:   outlives the Store. What is sent before start() or after stop() is dropped.
// Failure:    whatever cannot be sent is dropped, and the Store told that the other is unreachable.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "src/base/mutex.h"
#include "src/raftstore/transport.h"
#include "src/rpc/server.h"
#include "src/server/peer_lane.h"
#include "src/server/store_handle.h"

namespace timber::server {

struct PeerTransportOptions {
    std::string listen{};
    size_t queue_bytes_max = 64_MiB;
    size_t message_bytes_max = 80_MiB;
    // Servers that something is sent to. One more takes the place of the one that was not connected
    // for longest: anybody can ask for an answer.
    size_t destinations_max = 256;
    // Refusals that the log tells of, in a minute; strangers could fill a disk with them.
    uint32_t refusals_told_max = 10;
};

// Another server, as far as this one has met it.
struct KnownPeer {
    raftstore::StoreId store{};
    std::string peer_address{};
    std::string client_address{};
    bool connected = false;
};

class PeerTransport final : public raftstore::Transport, private LaneReport {
  public:
    PeerTransport(PeerTransportOptions options, Clock& clock);
    ~PeerTransport() override;

    // Listens. Envelopes that arrive go to `store`; the others are told `client_address`.
    Status start(const storage::StoreIdentity& identity, const std::string& client_address,
                 StoreHandle& store);
    void stop();
    int port() const;

    void send(const std::string& address, raftstore::Envelope envelope) override
        TIMBER_EXCLUDES(mutex_);
    std::vector<KnownPeer> known() const TIMBER_EXCLUDES(mutex_);
    // Open to others, or not quite closed.
    size_t channels() const TIMBER_EXCLUDES(mutex_);

    // --- For the streams that others open ---

    // Part of start(): who we are to them.
    void introduce_as(const storage::StoreIdentity& identity, const std::string& client_address,
                      StoreHandle& store);
    // Why the sender of `hello` is refused; empty if it is welcome.
    std::string refusal(const PeerHello& hello) const;
    PeerWelcome welcome() const;
    void introduced(const PeerHello& hello) TIMBER_EXCLUDES(mutex_);
    void refused(const std::string& caller, const std::string& reason) TIMBER_EXCLUDES(mutex_);
    StoreHandle& store() { return *store_; }

  private:
    struct Destination {
        KnownPeer peer{};
        std::string refused{};  // the last reason, said once
        uint64_t sent_to = 0;   // when something was last sent, as a count of that
        std::unique_ptr<rpc::Channel> channel{};
        std::shared_ptr<PeerLane> messages{};   // shared with its open stream
        std::shared_ptr<PeerLane> snapshots{};  // the same
    };

    // Null if there are too many, or for what is no address.
    Destination* connect(raftstore::StoreId store, const std::string& address)
        TIMBER_REQUIRES(mutex_);
    bool make_room() TIMBER_REQUIRES(mutex_);
    void retire(Destination& destination) TIMBER_REQUIRES(mutex_);
    // Null if it was given up.
    Destination* find(raftstore::StoreId store) TIMBER_REQUIRES(mutex_);
    void lost(raftstore::StoreId store) override;
    void met(raftstore::StoreId store, const PeerWelcome& welcome) override;
    void parted(raftstore::StoreId store, const rpc::Ending& ending) override;

    const PeerTransportOptions options_;
    Clock& clock_;

    // Set by start(), before anything else uses them.
    storage::StoreIdentity identity_{};
    std::string client_address_{};
    StoreHandle* store_ = nullptr;
    std::unique_ptr<rpc::Server> server_;

    // Taken before a lane's lock, never while one is held.
    mutable Mutex mutex_;
    bool running_ TIMBER_GUARDED_BY(mutex_) = false;
    std::map<raftstore::StoreId, Destination> destinations_ TIMBER_GUARDED_BY(mutex_);
    // Channels that nothing is sent on any more, until their streams have ended: closing waits.
    std::vector<std::unique_ptr<rpc::Channel>> retired_ TIMBER_GUARDED_BY(mutex_);
    uint64_t sends_ TIMBER_GUARDED_BY(mutex_) = 0;
    Instant refusals_since_ TIMBER_GUARDED_BY(mutex_){};
    uint32_t refusals_ TIMBER_GUARDED_BY(mutex_) = 0;
};

}  // namespace timber::server
