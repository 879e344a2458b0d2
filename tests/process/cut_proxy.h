#pragma once
// Stands between servers: each server's peer listener is reached through a port of this proxy,
// which passes bytes on, late, in small pieces, not at all, or hangs up, as it is told for each
// pair.
//
// Who has connected is found out from the kernel: the process that owns the socket at the other
// end.
//
// Thread:     add() and the orders from one owner; a thread of its own passes the bytes on.
// Invariants: P1  bytes of one direction of a connection stay whole and in order.
//             P2  what waits in the proxy is bounded: it reads no more while enough waits.
#include <sys/types.h>

#include <atomic>
#include <deque>
#include <list>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "src/base/mutex.h"
#include "src/base/random.h"
#include "src/platform/system_clock.h"

namespace timber::process {

// What happens to what `from` sends to `to` on connections that `from` made.
struct CutOrder {
    enum class Kind : uint8_t {
        kPass,
        kHold,    // nothing moves; when that ends, all of it arrives
        kHangUp,  // connections end, with what was under way, and new ones end at once
        kDelay,   // everything takes up to `delay` longer, and arrives in pieces
    };
    Kind kind = Kind::kPass;
    Duration delay{0};
};

class CutProxy {
  public:
    explicit CutProxy(uint64_t seed);
    ~CutProxy();
    CutProxy(const CutProxy&) = delete;
    CutProxy& operator=(const CutProxy&) = delete;

    // Stands before the listener at `port` of store `to`: the port to connect to instead.
    int add(uint64_t to, int port) TIMBER_EXCLUDES(mutex_);
    // The process that is store `store` now.
    void set_process(uint64_t store, pid_t pid) TIMBER_EXCLUDES(mutex_);
    void order(uint64_t from, uint64_t to, CutOrder order) TIMBER_EXCLUDES(mutex_);
    void pass_all() TIMBER_EXCLUDES(mutex_);

    uint64_t connections() const { return connection_count_; }
    uint64_t bytes() const { return byte_count_; }
    // Connections whose maker was not found, because it was gone already.
    uint64_t strangers() const { return stranger_count_; }

  private:
    struct Listener {
        uint64_t to = 0;
        int socket = -1;
        int target_port = 0;
    };
    struct Piece {
        Instant due{};
        std::string bytes{};
    };
    // One direction of a connection.
    struct Lane {
        int from = -1;
        int to = -1;
        std::deque<Piece> waiting{};
        size_t waiting_bytes = 0;
        bool ended = false;  // nothing more comes in
    };
    struct Connection {
        uint64_t from = 0;
        uint64_t to = 0;
        Lane forth{};
        Lane back{};
        bool broken = false;
    };

    void run();
    void accept_at(const Listener& listener);
    uint64_t store_behind(int port) TIMBER_EXCLUDES(mutex_);
    CutOrder order_of(uint64_t from, uint64_t to) const TIMBER_EXCLUDES(mutex_);
    void take_in(Connection& connection, Lane& lane, const CutOrder& order);
    void give_out(Connection& connection, Lane& lane, const CutOrder& order);

    SystemClock clock_;
    Random random_;
    std::list<Connection> connections_;  // the thread's own
    std::atomic<bool> stopping_ = false;
    std::atomic<uint64_t> connection_count_ = 0;
    std::atomic<uint64_t> byte_count_ = 0;
    std::atomic<uint64_t> stranger_count_ = 0;

    mutable Mutex mutex_;
    std::vector<Listener> listeners_ TIMBER_GUARDED_BY(mutex_);
    std::map<uint64_t, pid_t> processes_ TIMBER_GUARDED_BY(mutex_);
    std::map<std::pair<uint64_t, uint64_t>, CutOrder> orders_ TIMBER_GUARDED_BY(mutex_);
    std::thread thread_;
};

}  // namespace timber::process
