#pragma once
// A whole server: the Store on its loop, the listeners for clients and for other servers, and how
// they start and end.
//
// Thread:     one owner's thread, which is not the Store's; start() and stop() wait.
// Lifetime:   the platform outlives the server.
// Failure:    start() gives what is wrong and what to do. Once running, a failure from which only a
//             restart helps is reported through `failed`, once, from the Store's thread: nothing is
//             acknowledged any more, and the owner ends the process without stop().
#include <functional>
#include <memory>

#include "src/platform/platform.h"
#include "src/server/config.h"

namespace timber::server {

// The platform that the configuration asks for.
Result<std::unique_ptr<Platform>> make_platform(const Config& config);

enum class FormatKind : uint8_t {
    kFound,  // one of the members that the cluster begins with
    kJoin,   // a Store without Regions, for a server that is added to a cluster later
};
struct Formatted {
    storage::StoreIdentity identity{};
    std::vector<raftstore::PeerMeta> members{};
};
// Makes a new Store in the data directory. kAlreadyExists if there is one.
Result<Formatted> format_store(const Config& config, FormatKind kind, Platform& platform);

class Server {
  public:
    // A server whose configuration names no cluster, Store or members formats a cluster of one
    // where there is no Store yet; every other one is formatted with format_store() first.
    static Result<std::unique_ptr<Server>> start(const Config& config, Platform& platform,
                                                 std::function<void(const Error&)> failed);
    ~Server();

    // As clients and servers reach them, with the ports that the kernel chose.
    std::string client_address() const;
    std::string peer_address() const;
    storage::StoreIdentity identity() const;

    // Hands leadership over, finishes what was accepted, and closes the Store.
    void stop();

  private:
    class Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace timber::server
