#include "benches/kv/etcd_cluster.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <etcd.pb.h>

#include <filesystem>

#include "src/rpc/channel.h"
#include "src/server/outcome_wait.h"
#include "tests/support/server_process.h"

namespace timber::bench {

namespace {

constexpr const char* kProgram = "/usr/bin/etcd";
constexpr size_t kServers = 3;

std::string url(int port) { return "http://127.0.0.1:" + std::to_string(port); }

pid_t spawn(const std::vector<std::string>& command, const std::string& log) {
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int output = ::open(log.c_str(), O_CREAT | O_APPEND | O_WRONLY, 0644);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
}

// Whether the server at `address` says that it leads.
bool leads(rpc::Poller& poller, const std::string& address) {
    auto channel = rpc::Channel::open(poller, address, {});
    server::OutcomeWait<rpc::Reply> answered;
    channel->call("/etcdserverpb.Maintenance/Status", {}, std::chrono::seconds(2),
                  [&](rpc::Reply reply) { answered.give(std::move(reply)); });
    const rpc::Reply reply = answered.take();
    channel->close();
    etcdserverpb::StatusResponse status;
    return reply.ending.ok() && status.ParseFromString(std::string(reply.body.text())) &&
           status.leader() != 0 && status.leader() == status.header().member_id();
}

}  // namespace

bool EtcdCluster::installed() { return ::access(kProgram, X_OK) == 0; }

Status EtcdCluster::start(const std::string& directory) {
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    std::vector<int> client_ports;
    std::vector<int> peer_ports;
    std::string members;
    for (size_t i = 0; i < kServers; ++i) {
        client_ports.push_back(process::free_port());
        peer_ports.push_back(process::free_port());
        members += (i == 0 ? "s" : ",s") + std::to_string(i) + "=" + url(peer_ports[i]);
    }
    for (size_t i = 0; i < kServers; ++i) {
        const std::string name = "s" + std::to_string(i);
        pids_.push_back(spawn(
            {kProgram, "--name", name, "--data-dir", directory + "/" + name, "--listen-client-urls",
             url(client_ports[i]), "--advertise-client-urls", url(client_ports[i]),
             "--listen-peer-urls", url(peer_ports[i]), "--initial-advertise-peer-urls",
             url(peer_ports[i]), "--initial-cluster", members, "--initial-cluster-state", "new"},
            directory + "/" + name + ".log"));
    }
    auto poller = rpc::Poller::start("etcd");
    process::wait_until("an etcd that leads", [&] {
        for (const int port : client_ports) {
            address_ = "127.0.0.1:" + std::to_string(port);
            if (leads(*poller, address_)) return true;
        }
        return false;
    });
    poller->stop();
    return {};
}

void EtcdCluster::stop() {
    for (const pid_t pid : pids_) {
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
    pids_.clear();
}

std::string EtcdCluster::put_request(std::string_view key, std::string_view value) const {
    etcdserverpb::PutRequest request;
    request.set_key(key.data(), key.size());
    request.set_value(value.data(), value.size());
    return request.SerializeAsString();
}

std::string EtcdCluster::get_request(std::string_view key) const {
    etcdserverpb::RangeRequest request;
    request.set_key(key.data(), key.size());
    return request.SerializeAsString();
}

bool EtcdCluster::put_done(const rpc::Bytes& body) const {
    etcdserverpb::PutResponse response;
    return response.ParseFromArray(body.bytes().data(), static_cast<int>(body.size())) &&
           response.header().revision() > 0;
}

bool EtcdCluster::got_value(const rpc::Bytes& body, size_t value_bytes) const {
    etcdserverpb::RangeResponse response;
    return response.ParseFromArray(body.bytes().data(), static_cast<int>(body.size())) &&
           response.kvs_size() == 1 && response.kvs(0).value().size() == value_bytes;
}

}  // namespace timber::bench
