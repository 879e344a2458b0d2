#pragma once
// One stream to one other server, and the queue in front of it. Messages and snapshots have a lane
// each.
//
// Thread:     send() from the Store's loop, the listener's calls on the poller's thread.
// Lifetime:   shared by the transport and its open stream; the report outlives both.
// Invariants: L1  at most `queue_bytes_max` wait; what is too much is dropped and reported.
//             L2  nothing is sent before the other side's welcome said that it is who we mean.
//             L3  one write is in flight at most, and takes along what queued meanwhile.
#include <deque>
#include <memory>
#include <string>

#include "src/base/mutex.h"
#include "src/rpc/channel.h"
#include "src/server/peer_frame.h"

namespace timber::server {

// What a lane tells the transport. Any thread, also within send(), and without the lane's lock.
class LaneReport {
  public:
    virtual ~LaneReport() = default;
    // Messages to `store` were lost.
    virtual void lost(raftstore::StoreId store) = 0;
    virtual void met(raftstore::StoreId store, const PeerWelcome& welcome) = 0;
    virtual void parted(raftstore::StoreId store, const rpc::Ending& ending) = 0;
};

struct LaneOptions {
    const char* method = "";  // of timberkv.Peer
    PeerHello hello{};
    size_t queue_bytes_max = 64_MiB;
    // How long to wait before a stream is tried again.
    Duration retry = std::chrono::milliseconds(100);
};

class PeerLane final : public rpc::OutgoingListener, public std::enable_shared_from_this<PeerLane> {
  public:
    PeerLane(const LaneOptions& options, rpc::Channel& channel, Clock& clock, LaneReport& report)
        : options_(options), channel_(channel), clock_(clock), report_(report) {}

    void send(rpc::Bytes envelope) TIMBER_EXCLUDES(mutex_);
    void close() TIMBER_EXCLUDES(mutex_);

    // OutgoingListener.
    void opened() override TIMBER_EXCLUDES(mutex_);
    void received(rpc::Bytes message) override TIMBER_EXCLUDES(mutex_);
    void written() override TIMBER_EXCLUDES(mutex_);
    void closed(const rpc::Ending& ending) override TIMBER_EXCLUDES(mutex_);

  private:
    bool open_if_due() TIMBER_REQUIRES(mutex_);
    void write_next() TIMBER_REQUIRES(mutex_);

    const LaneOptions options_;
    rpc::Channel& channel_;
    Clock& clock_;
    LaneReport& report_;

    Mutex mutex_;
    std::shared_ptr<rpc::OutgoingStream> stream_ TIMBER_GUARDED_BY(mutex_);
    bool welcomed_ TIMBER_GUARDED_BY(mutex_) = false;
    bool writing_ TIMBER_GUARDED_BY(mutex_) = false;
    bool closed_ TIMBER_GUARDED_BY(mutex_) = false;
    std::optional<Instant> tried_ TIMBER_GUARDED_BY(mutex_);
    std::deque<rpc::Bytes> queue_ TIMBER_GUARDED_BY(mutex_);
    size_t queued_bytes_ TIMBER_GUARDED_BY(mutex_) = 0;
};

}  // namespace timber::server
