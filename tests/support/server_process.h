#pragma once
// Real servers for tests: formed, started, killed and started again, each a process of its own with
// ports that the kernel chose.
//
// Thread:   one thread, which lives as long as the servers: they end with the thread that started
//           them.
// Lifetime: the destructor kills what still runs, and waits for it.
// Failure:  what a test cannot go on without ends the process with a message.
#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "src/base/io/clock.h"

namespace timber::process {

// Prints what failed and ends the test.
[[noreturn]] void fail(const std::string& what);

// A port of 127.0.0.1 that the kernel chose, and that it gives to nobody else: a server may be down
// for a while, and an outgoing connection would otherwise take its port meanwhile.
int free_port();
// Asks again and again, and fails the test with `what` if it never comes true.
void wait_until(const std::string& what, const std::function<bool()>& condition,
                Duration limit = std::chrono::seconds(30));

// A program, run to its end: its exit code and what it printed.
struct Finished {
    int code = -1;
    std::string output{};
};
Finished run_program(const std::vector<std::string>& command);

struct ServerPlace {
    uint64_t store = 0;
    std::string directory{};  // of data and log
    int client_port = 0;
    int peer_port = 0;

    std::string client_address() const { return "127.0.0.1:" + std::to_string(client_port); }
    std::string peer_address() const { return "127.0.0.1:" + std::to_string(peer_port); }
};

// How a server is run.
struct ServerCommand {
    std::string program{};  // empty: timberkv-server
    std::vector<std::string> flags{};
    std::vector<std::string> environment{};  // "NAME=value", besides what the test has
};

class ServerProcess {
  public:
    ServerProcess(ServerPlace place, ServerCommand command);
    ~ServerProcess();
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;

    void start();
    void signal(int number);
    // Waits for its end: the exit code, or minus the signal that ended it.
    int wait();
    void kill();  // SIGKILL, and waits
    bool running() const { return pid_ > 0; }
    // Fails the test if it ended by itself.
    void expect_alive();
    pid_t pid() const { return pid_; }
    const ServerPlace& place() const { return place_; }
    std::string log() const;

  private:
    const ServerPlace place_;
    const ServerCommand command_;
    pid_t pid_ = -1;
};

struct ClusterOptions {
    std::string directory{};  // made anew
    size_t servers = 3;
    // Of every server.
    std::string program{};
    std::vector<std::string> flags{};
    // More of one server's.
    std::function<std::vector<std::string>(const ServerPlace&)> environment{};
    // How the others reach its peer listener, if not directly.
    std::function<std::string(const ServerPlace&)> peer_address{};
};

// Servers that form one cluster.
class TestCluster {
  public:
    explicit TestCluster(ClusterOptions options);
    TestCluster(const std::string& directory, size_t servers)
        : TestCluster(ClusterOptions{.directory = directory, .servers = servers}) {}

    void format();
    // Makes the Store of one server, which has none, as if the cluster were new.
    void format(size_t i);
    void start();
    ServerProcess& server(size_t i) { return *servers_[i]; }
    size_t size() const { return servers_.size(); }
    std::vector<std::string> endpoints() const;
    // Adds a place for a server that joins later; formats it.
    ServerProcess& add_joining(uint64_t store);
    // Forgets a server, which is not running.
    void forget(size_t i);
    // How the others reach it.
    std::string peer_address(const ServerPlace& place) const;
    // Who leads, as the servers say: a position, after waiting for one.
    size_t leader();
    // Every server has applied the same, and answers.
    void wait_until_equal();
    Finished ctl(std::vector<std::string> arguments) const;

  private:
    ServerPlace new_place(uint64_t store) const;
    std::vector<std::string> store_flags(const ServerPlace& place,
                                         const std::string& members) const;
    std::unique_ptr<ServerProcess> make_server(const ServerPlace& place,
                                               const std::string& members) const;

    const ClusterOptions options_;
    std::string members_;
    std::vector<std::unique_ptr<ServerProcess>> servers_;
};

}  // namespace timber::process
