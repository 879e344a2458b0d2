#pragma once
// Accepts connections, and hands them on as long as there is room for them.
//
// gRPC would accept them itself, without a limit; and once no descriptor was left for one, gRPC
// 1.51 never accepts another: a crowd that has long gone would have ended the service for good.
//
// Thread:     one owner; a thread of its own accepts.
// Lifetime:   whoever takes the connections outlives stop().
// Invariants: L1  at most `connections_max` of those that were handed on are open.
//             L2  connections leave a quarter of the process's descriptors to the rest of it.
// Failure:    kInvalidArgument if the address cannot be listened on. A connection that there is no
//             room for is closed at once.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "src/base/result.h"

namespace timber::rpc {

class Listener {
  public:
    // `address` is HOST:PORT; port 0: the kernel chooses.
    static Result<std::unique_ptr<Listener>> open(const std::string& address,
                                                  size_t connections_max);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    int port() const { return port_; }
    // `accepted` is given each connection, on the listener's thread, and owns it.
    void start(const std::string& name, std::function<void(int descriptor)> accepted);
    // Nobody can connect any more.
    void stop();

  private:
    explicit Listener(size_t connections_max) : connections_max_(connections_max) {}

    Status bind_to(const std::string& address);
    void run();
    bool has_room(int descriptor);
    void forget_closed();

    const size_t connections_max_;
    std::function<void(int)> accepted_;
    int port_ = 0;
    int socket_ = -1;
    int wake_ = -1;
    // The thread's: descriptors that were handed on, with their sockets' cookies. Another socket
    // that has got the number of a closed one has another cookie.
    std::map<int, uint64_t> open_;
    std::thread thread_;
};

}  // namespace timber::rpc
