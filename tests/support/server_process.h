#pragma once
// Real servers for tests: formed, started, killed and started again, each a process of its own with
// ports that the kernel chose.
//
// Thread:   one thread.
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

// A port of 127.0.0.1 that was free a moment ago.
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

class ServerProcess {
  public:
    ServerProcess(ServerPlace place, std::vector<std::string> flags);
    ~ServerProcess();
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;

    void start();
    void signal(int number);
    // Waits for its end: the exit code, or minus the signal that ended it.
    int wait();
    void kill();  // SIGKILL, and waits
    bool running() const { return pid_ > 0; }
    pid_t pid() const { return pid_; }
    const ServerPlace& place() const { return place_; }
    std::string log() const;

  private:
    const ServerPlace place_;
    const std::vector<std::string> flags_;
    pid_t pid_ = -1;
};

// Servers that form one cluster.
class TestCluster {
  public:
    // Below `directory`, which is made anew. `flags` go to every server.
    TestCluster(const std::string& directory, size_t servers, std::vector<std::string> flags = {});

    void format();
    void start();
    ServerProcess& server(size_t i) { return *servers_[i]; }
    size_t size() const { return servers_.size(); }
    std::vector<std::string> endpoints() const;
    // Adds a place for a server that joins later; formats it.
    ServerProcess& add_joining(uint64_t store);
    // Who leads, as the servers say: a position, after waiting for one.
    size_t leader();
    // Every server has applied the same, and answers.
    void wait_until_equal();
    Finished ctl(std::vector<std::string> arguments) const;

  private:
    ServerPlace new_place(uint64_t store) const;
    std::vector<std::string> common_flags(uint64_t store, const std::string& members) const;

    const std::string directory_;
    const std::vector<std::string> flags_;
    std::string members_;
    std::vector<std::unique_ptr<ServerProcess>> servers_;
};

}  // namespace timber::process
