#include "tests/support/server_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <thread>
#include <utility>

#include "src/platform/system_clock.h"

namespace timber::process {

namespace {

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
    std::vector<char*> pointers;
    for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    return pointers;
}

// Starts `command`; its output goes to `output`. The child's end is in the parent's hands.
pid_t spawn(const std::vector<std::string>& command, int output,
            const std::vector<std::string>& more_environment = {}) {
    std::vector<char*> arguments = pointers_to(command);
    arguments.push_back(nullptr);
    std::vector<char*> environment = pointers_to(more_environment);
    for (char** word = environ; *word != nullptr; ++word) environment.push_back(*word);
    environment.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid < 0) fail("fork failed");
    if (pid == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // no server outlives its test
        ::dup2(output, STDOUT_FILENO);
        ::dup2(output, STDERR_FILENO);
        ::execve(arguments[0], arguments.data(), environment.data());
        std::fprintf(stderr, "cannot run %s\n", arguments[0]);
        ::_exit(127);
    }
    return pid;
}

int wait_for(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// The numbers behind `"name": ` in `json`.
std::vector<uint64_t> numbers_of(const std::string& json, const std::string& name) {
    std::vector<uint64_t> numbers;
    const std::string key = "\"" + name + "\": ";
    for (size_t at = json.find(key); at != std::string::npos; at = json.find(key, at + 1))
        numbers.push_back(std::strtoull(json.c_str() + at + key.size(), nullptr, 10));
    return numbers;
}

}  // namespace

void fail(const std::string& what) {
    std::printf("FAILED: %s\n", what.c_str());
    std::fflush(stdout);
    // Without destructors: they would wait for threads that are in the middle of something. The
    // servers end with this thread.
    std::_Exit(1);
}

// The socket stays bound to the end of the test and never listens; that, and that both say that
// addresses may be shared, lets a server listen there.
int free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t bytes = sizeof address;
    if (socket < 0 || ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        ::bind(socket, reinterpret_cast<sockaddr*>(&address), bytes) != 0 ||
        ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &bytes) != 0)
        fail("no free port");
    return ntohs(address.sin_port);
}

void wait_until(const std::string& what, const std::function<bool()>& condition, Duration limit) {
    SystemClock clock;
    const Instant end = clock.now() + limit;
    while (!condition()) {
        if (clock.now() > end) fail("never " + what);
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

Finished run_program(const std::vector<std::string>& command) {
    int pipe_ends[2];
    if (::pipe2(pipe_ends, O_CLOEXEC) != 0) fail("no pipe");
    const pid_t pid = spawn(command, pipe_ends[1]);
    ::close(pipe_ends[1]);
    Finished finished;
    char buffer[4096];
    for (ssize_t got; (got = ::read(pipe_ends[0], buffer, sizeof buffer)) > 0;)
        finished.output.append(buffer, static_cast<size_t>(got));
    ::close(pipe_ends[0]);
    finished.code = wait_for(pid);
    return finished;
}

ServerProcess::ServerProcess(ServerPlace place, ServerCommand command)
    : place_(std::move(place)), command_(std::move(command)) {}

ServerProcess::~ServerProcess() {
    if (!running()) return;
    signal(SIGKILL);
    wait();
}

void ServerProcess::start() {
    if (running()) fail("it runs already");
    const std::string log = place_.directory + "/log";
    const int output = ::open(log.c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0644);
    std::vector<std::string> command{command_.program.empty() ? TIMBER_SERVER_PROGRAM
                                                              : command_.program};
    command.insert(command.end(), command_.flags.begin(), command_.flags.end());
    pid_ = spawn(command, output, command_.environment);
    ::close(output);
}

void ServerProcess::signal(int number) {
    if (running()) ::kill(pid_, number);
}

int ServerProcess::wait() {
    const int code = wait_for(pid_);
    pid_ = -1;
    return code;
}

void ServerProcess::kill() {
    expect_alive();
    signal(SIGKILL);
    wait();
}

void ServerProcess::expect_alive() {
    int status = 0;
    if (!running() || ::waitpid(pid_, &status, WNOHANG) == 0) return;
    pid_ = -1;
    const std::string said = log();
    constexpr size_t kTailBytes = 4000;
    fail("store " + std::to_string(place_.store) + " ended by itself, wait status " +
         std::to_string(status) + ":\n" +
         said.substr(said.size() - std::min(said.size(), kTailBytes)));
}

std::string ServerProcess::log() const {
    std::ifstream file(place_.directory + "/log");
    return std::string(std::istreambuf_iterator<char>(file), {});
}

TestCluster::TestCluster(ClusterOptions options) : options_(std::move(options)) {
    std::filesystem::remove_all(options_.directory);
    std::vector<ServerPlace> places;
    for (size_t i = 0; i < options_.servers; ++i) {
        places.push_back(new_place(i + 1));
        members_ += (i == 0 ? "" : ",") + std::to_string(i + 1) + "=" + peer_address(places[i]);
    }
    for (const ServerPlace& place : places) servers_.push_back(make_server(place, members_));
}

ServerPlace TestCluster::new_place(uint64_t store) const {
    ServerPlace place{store, options_.directory + "/" + std::to_string(store), free_port(),
                      free_port()};
    std::filesystem::create_directories(place.directory);
    return place;
}

std::string TestCluster::peer_address(const ServerPlace& place) const {
    return options_.peer_address ? options_.peer_address(place) : place.peer_address();
}

// What the server and the making of its Store are told alike.
std::vector<std::string> TestCluster::store_flags(const ServerPlace& place,
                                                  const std::string& members) const {
    std::vector<std::string> all = options_.flags;
    all.push_back("--cluster=77");
    all.push_back("--store=" + std::to_string(place.store));
    all.push_back("--data=" + place.directory + "/data");
    if (!members.empty()) all.push_back("--members=" + members);
    return all;
}

std::unique_ptr<ServerProcess> TestCluster::make_server(const ServerPlace& place,
                                                        const std::string& members) const {
    ServerCommand command{.program = options_.program, .flags = store_flags(place, members)};
    command.flags.push_back("--listen=" + place.client_address());
    command.flags.push_back("--peer-listen=" + place.peer_address());
    if (options_.environment) command.environment = options_.environment(place);
    return std::make_unique<ServerProcess>(place, std::move(command));
}

void TestCluster::format() {
    for (size_t i = 0; i < size(); ++i) format(i);
}

void TestCluster::format(size_t i) {
    std::vector<std::string> command{TIMBER_CTL_PROGRAM, "format"};
    for (const std::string& flag : store_flags(servers_[i]->place(), members_))
        command.push_back(flag);
    const Finished done = run_program(command);
    if (done.code != 0) fail("format: " + done.output);
}

void TestCluster::start() {
    for (const auto& server : servers_) server->start();
}

std::vector<std::string> TestCluster::endpoints() const {
    std::vector<std::string> all;
    for (const auto& server : servers_) all.push_back(server->place().client_address());
    return all;
}

ServerProcess& TestCluster::add_joining(uint64_t store) {
    const ServerPlace place = new_place(store);
    std::vector<std::string> command{TIMBER_CTL_PROGRAM, "format", "--join"};
    for (const std::string& flag : store_flags(place, "")) command.push_back(flag);
    const Finished done = run_program(command);
    if (done.code != 0) fail("format --join: " + done.output);
    servers_.push_back(make_server(place, ""));
    return *servers_.back();
}

void TestCluster::forget(size_t i) {
    if (servers_[i]->running()) fail("a server that runs is not forgotten");
    servers_.erase(servers_.begin() + static_cast<ptrdiff_t>(i));
}

size_t TestCluster::leader() {
    size_t found = 0;
    wait_until("a leader", [&] {
        const Finished status = ctl({"status", "--output", "json"});
        for (size_t i = 0; i < servers_.size(); ++i) {
            const std::string line_of =
                "\"store\": " + std::to_string(servers_[i]->place().store) + ",";
            const size_t at = status.output.find(line_of);
            if (at == std::string::npos) continue;
            const std::string line = status.output.substr(at, status.output.find('\n', at) - at);
            if (line.find("\"role\": \"leader\"") == std::string::npos) continue;
            found = i;
            return true;
        }
        return false;
    });
    return found;
}

void TestCluster::wait_until_equal() {
    wait_until(
        "the same applied on every server",
        [&] {
            const Finished status = ctl({"status", "--output", "json"});
            const auto applied = numbers_of(status.output, "applied");
            size_t running = 0;
            for (const auto& server : servers_) running += server->running() ? 1 : 0;
            if (applied.size() != running) return false;
            for (const uint64_t index : applied)
                if (index != applied[0]) return false;
            return true;
        },
        std::chrono::seconds(60));
}

Finished TestCluster::ctl(std::vector<std::string> arguments) const {
    std::string all;
    for (const std::string& endpoint : endpoints()) all += (all.empty() ? "" : ",") + endpoint;
    std::vector<std::string> command{TIMBER_CTL_PROGRAM, "--endpoints", all};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run_program(command);
}

}  // namespace timber::process
