// Three real servers: formation, the raw API from C++, from timberkv-ctl and from python, the death
// of the leader, its return, the orderly end, and a change of membership.
//
//   cluster_round --seed S
#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "src/base/random.h"
#include "src/client/client.h"
#include "src/platform/system_clock.h"
#include "tests/support/server_process.h"

namespace timber::process {
namespace {

using client::Answer;
using client::Client;

void check(bool condition, const std::string& what) {
    if (!condition) fail(what);
}

std::unique_ptr<Client> client_of(const TestCluster& cluster) {
    auto made = Client::connect({.endpoints = cluster.endpoints()});
    check(made.ok(), "a client");
    return std::move(*made);
}

void put(Client& client, const std::string& key, const std::string& value) {
    const Answer answer =
        Client::wait([&](Client::Done done) { client.put(key, value, std::move(done)); });
    check(answer.outcome == client::Outcome::kDone, "put " + key + ": " + answer.error);
}

void expect(Client& client, const std::string& key, const std::string& value) {
    const Answer answer =
        Client::wait([&](Client::Done done) { client.get(key, std::move(done)); });
    check(answer.outcome == client::Outcome::kDone, "get " + key + ": " + answer.error);
    check(answer.value == value, "get " + key + " gave another value");
}

void refuses_to_start_unformatted(TestCluster& cluster) {
    cluster.server(0).start();
    check(cluster.server(0).wait() == 1, "a server without a Store must not start");
    check(cluster.server(0).log().find("timberkv-ctl format") != std::string::npos,
          "and must say what to do");
}

void commands_of_ctl(TestCluster& cluster) {
    check(cluster.ctl({"put", "ctl\\x00key", "line\\n"}).code == 0, "ctl put");
    const Finished got = cluster.ctl({"get", "ctl\\x00key"});
    check(got.code == 0 && got.output == "line\\n\n", "ctl get: " + got.output);
    check(cluster.ctl({"get", "ctl\\x00key", "--output", "raw"}).output == "line\n", "ctl get raw");
    check(cluster.ctl({"get", "no such key"}).code == 4, "ctl get of an absent key");
    const Finished scanned = cluster.ctl({"scan", "ctl", "--limit", "1", "--output", "raw"});
    check(scanned.output == "ctl\\x00key\tline\\n\n", "ctl scan: " + scanned.output);
    check(cluster.ctl({"delete", "ctl\\x00key"}).code == 0, "ctl delete");
    check(cluster.ctl({"get", "ctl\\x00key"}).code == 4, "ctl get after delete");
    check(cluster.ctl({"frobnicate"}).code == 2, "ctl with an unknown command");
    check(cluster.ctl({"put", "", "v"}).code == 1, "ctl put of an empty key");
}

void python_client(TestCluster& cluster) {
    std::vector<std::string> command{"/usr/bin/python3", TIMBER_RAW_API_CLIENT,
                                     TIMBER_PYTHON_MESSAGES};
    for (const std::string& endpoint : cluster.endpoints()) command.push_back(endpoint);
    const Finished done = run_program(command);
    check(done.code == 0, "the python client: " + done.output);
}

// Connects, sends `bytes`, and goes away, as port scanners and broken programs do.
void send_bytes(int port, const std::string& bytes) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0,
          "a connection for garbage");
    if (::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
        // It has hung up already, as it may.
    }
    ::close(socket);
}

// Noise, and noise behind the greeting of HTTP/2, on every port; then everything works as before.
void garbage_to_every_port(TestCluster& cluster, Client& client, uint64_t seed) {
    Random random(seed);
    const std::string greeting = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for (int round = 0; round < 100; ++round) {
        std::string bytes = random.one_in(2) ? greeting : std::string();
        const uint64_t size = random.below(2000);
        for (uint64_t i = 0; i < size; ++i) bytes += static_cast<char>(random.below(256));
        const ServerPlace& place = cluster.server(random.below(3)).place();
        send_bytes(random.one_in(2) ? place.client_port : place.peer_port, bytes);
    }
    put(client, "after", "garbage");
    expect(client, "after", "garbage");
    for (size_t i = 0; i < cluster.size(); ++i)
        check(::kill(cluster.server(i).pid(), 0) == 0, "a server that garbage ended");
}

// Writes go on while `disturb` happens; gives how long the longest of them took.
double longest_write_ms(Client& client, const std::function<void()>& disturb, uint64_t count) {
    SystemClock clock;
    double longest = 0;
    for (uint64_t i = 0; i < count; ++i) {
        if (i == count / 4) disturb();
        const Instant start = clock.now();
        // An outcome that is not known is what a leader's death may leave: written again.
        Answer answer;
        do {
            answer = Client::wait([&](Client::Done done) {
                client.put("during" + std::to_string(i), std::to_string(i), std::move(done));
            });
        } while (answer.outcome == client::Outcome::kUnknown);
        check(answer.outcome == client::Outcome::kDone, "a write: " + answer.error);
        longest = std::max(longest,
                           std::chrono::duration<double, std::milli>(clock.now() - start).count());
    }
    for (uint64_t i = 0; i < count; ++i)
        expect(client, "during" + std::to_string(i), std::to_string(i));
    return longest;
}

void death_of_the_leader(TestCluster& cluster, Client& client) {
    const size_t leader = cluster.leader();
    const double longest = longest_write_ms(client, [&] { cluster.server(leader).kill(); }, 400);
    std::printf("SIGKILL of the leader: %.0f ms without a write\n", longest);
    cluster.server(leader).start();
    cluster.wait_until_equal();
}

void orderly_end_of_the_leader(TestCluster& cluster, Client& client) {
    const size_t leader = cluster.leader();
    ServerProcess& server = cluster.server(leader);
    const double longest = longest_write_ms(client, [&] { server.signal(SIGTERM); }, 400);
    check(server.wait() == 0, "SIGTERM ends with 0: " + server.log());
    std::printf("SIGTERM of the leader: %.0f ms without a write\n", longest);
    server.start();
    cluster.wait_until_equal();
}

void change_of_membership(TestCluster& cluster, Client& client) {
    ServerProcess& joining = cluster.add_joining(4);
    joining.start();
    const Finished added =
        cluster.ctl({"member", "add", "4", joining.place().peer_address(), "--timeout", "30s"});
    check(added.code == 0, "member add: " + added.output);
    cluster.wait_until_equal();
    const Finished moved = cluster.ctl({"transfer-leader", "4"});
    check(moved.code == 0, "transfer-leader: " + moved.output);
    wait_until("store 4 leads",
               [&] { return cluster.server(cluster.leader()).place().store == 4; });
    expect(client, "during0", "0");
    const Finished removed = cluster.ctl({"member", "remove", "1"});
    check(removed.code == 0, "member remove: " + removed.output);
    put(client, "after", "the change");
    expect(client, "after", "the change");
}

// The power goes everywhere at once (for what is in the kernel's hands it is a plain kill).
void restart_of_all(TestCluster& cluster, Client& client) {
    for (size_t i = 0; i < cluster.size(); ++i) cluster.server(i).kill();
    cluster.start();
    expect(client, "first", "value");
    for (uint64_t i = 0; i < 400; i += 50)
        expect(client, "during" + std::to_string(i), std::to_string(i));
}

void cluster_of_one() {
    const std::string directory = std::string(TIMBER_TEST_DIRECTORY) + "/one";
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    const ServerPlace place{1, directory, free_port(), free_port()};
    ServerProcess server(
        place, {.flags = {"--data=" + directory + "/data", "--listen=" + place.client_address(),
                          "--peer-listen=" + place.peer_address()}});
    server.start();
    auto client = Client::connect({.endpoints = {place.client_address()}});
    put(**client, "alone", "1");
    server.signal(SIGTERM);
    check(server.wait() == 0, "SIGTERM ends with 0: " + server.log());
    server.start();
    expect(**client, "alone", "1");
    server.kill();
}

int run(uint64_t seed) {
    cluster_of_one();
    TestCluster cluster(std::string(TIMBER_TEST_DIRECTORY) + "/cluster", 3);
    refuses_to_start_unformatted(cluster);
    cluster.format();
    cluster.start();
    auto client = client_of(cluster);
    put(*client, "first", "value");
    expect(*client, "first", "value");
    commands_of_ctl(cluster);
    python_client(cluster);
    garbage_to_every_port(cluster, *client, seed);
    death_of_the_leader(cluster, *client);
    orderly_end_of_the_leader(cluster, *client);
    restart_of_all(cluster, *client);
    change_of_membership(cluster, *client);
    std::printf("cluster_round: ok\n");
    return 0;
}

}  // namespace
}  // namespace timber::process

int main(int argc, char** argv) {
    uint64_t seed = 1;
    for (int i = 1; i + 1 < argc; i += 2)
        if (std::string_view(argv[i]) == "--seed") seed = std::strtoull(argv[i + 1], nullptr, 10);
    return timber::process::run(seed);
}
