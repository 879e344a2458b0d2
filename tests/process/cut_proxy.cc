#include "tests/process/cut_proxy.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <utility>

#include "tests/support/server_process.h"

namespace timber::process {

namespace {

constexpr size_t kReadBytes = 16 << 10;
constexpr size_t kWaitingBytesMax = 1 << 20;
constexpr uint64_t kPieceBytesMax = 700;
// How late a new order is noticed.
constexpr int kPollMilliseconds = 5;

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    return address;
}

void at_once(int socket) {
    const int yes = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

// The socket in one of the kernel's tables whose own end is `port`; 0 if there is none.
uint64_t inode_in(const char* path, int port) {
    std::FILE* table = std::fopen(path, "re");
    if (table == nullptr) return 0;
    char line[512];
    uint64_t found = 0;
    while (found == 0 && std::fgets(line, sizeof line, table) != nullptr) {
        unsigned own = 0;
        unsigned long inode = 0;
        if (std::sscanf(line,
                        " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %*x %*x:%*x %*x:%*x %*x %*d %*d %lu",
                        &own, &inode) == 2 &&
            static_cast<int>(own) == port)
            found = inode;
    }
    std::fclose(table);
    return found;
}

// Also sockets of IPv6 speak with 127.0.0.1.
uint64_t inode_of_port(int port) {
    const uint64_t inode = inode_in("/proc/net/tcp6", port);
    return inode != 0 ? inode : inode_in("/proc/net/tcp", port);
}

bool owns_socket(pid_t pid, uint64_t inode) {
    const std::string directory = "/proc/" + std::to_string(pid) + "/fd";
    DIR* open = ::opendir(directory.c_str());
    if (open == nullptr) return false;
    const std::string wanted = "socket:[" + std::to_string(inode) + "]";
    bool found = false;
    while (const dirent* entry = ::readdir(open)) {
        char target[64];
        const ssize_t bytes = ::readlinkat(::dirfd(open), entry->d_name, target, sizeof target);
        if (bytes > 0 && wanted == std::string_view(target, static_cast<size_t>(bytes)))
            found = true;
    }
    ::closedir(open);
    return found;
}

}  // namespace

CutProxy::CutProxy(uint64_t seed) : random_(seed), thread_([this] { run(); }) {}

CutProxy::~CutProxy() {
    stopping_ = true;
    thread_.join();
    for (const Connection& connection : connections_) {
        ::close(connection.forth.from);
        ::close(connection.forth.to);
    }
    for (const Listener& listener : listeners_) ::close(listener.socket);
}

int CutProxy::add(uint64_t to, int port) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in address = loopback(0);
    socklen_t bytes = sizeof address;
    if (socket < 0 || ::bind(socket, reinterpret_cast<sockaddr*>(&address), bytes) != 0 ||
        ::listen(socket, 64) != 0 ||
        ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &bytes) != 0)
        fail("the proxy cannot listen");
    MutexLock lock(mutex_);
    listeners_.push_back({to, socket, port});
    return ntohs(address.sin_port);
}

void CutProxy::set_process(uint64_t store, pid_t pid) {
    MutexLock lock(mutex_);
    processes_[store] = pid;
}

void CutProxy::order(uint64_t from, uint64_t to, CutOrder order) {
    MutexLock lock(mutex_);
    orders_[{from, to}] = order;
}

void CutProxy::pass_all() {
    MutexLock lock(mutex_);
    orders_.clear();
}

CutOrder CutProxy::order_of(uint64_t from, uint64_t to) const {
    MutexLock lock(mutex_);
    const auto found = orders_.find({from, to});
    return found == orders_.end() ? CutOrder{} : found->second;
}

uint64_t CutProxy::store_behind(int port) {
    const uint64_t inode = inode_of_port(port);
    MutexLock lock(mutex_);
    for (const auto& [store, pid] : processes_)
        if (inode != 0 && owns_socket(pid, inode)) return store;
    return 0;
}

void CutProxy::accept_at(const Listener& listener) {
    sockaddr_in address{};
    socklen_t bytes = sizeof address;
    const int in = ::accept4(listener.socket, reinterpret_cast<sockaddr*>(&address), &bytes,
                             SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (in < 0) return;
    Connection connection{.from = store_behind(ntohs(address.sin_port)), .to = listener.to};
    if (connection.from == 0) ++stranger_count_;
    const bool refused = order_of(connection.from, connection.to).kind == CutOrder::Kind::kHangUp;
    const sockaddr_in target = loopback(listener.target_port);
    const int out = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    // Loopback connects, or refuses, at once.
    if (refused || ::connect(out, reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0) {
        ::close(in);
        ::close(out);
        return;
    }
    ::fcntl(out, F_SETFL, O_NONBLOCK);
    at_once(in);
    at_once(out);
    connection.forth.from = connection.back.to = in;
    connection.forth.to = connection.back.from = out;
    connections_.push_back(std::move(connection));
    ++connection_count_;
}

void CutProxy::take_in(Connection& connection, Lane& lane, const CutOrder& order) {
    if (lane.ended || lane.waiting_bytes >= kWaitingBytesMax) return;
    std::string bytes(kReadBytes, '\0');
    const ssize_t got = ::recv(lane.from, bytes.data(), bytes.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) {
        connection.broken = true;
        return;
    }
    if (got == 0) {
        lane.ended = true;
        return;
    }
    bytes.resize(static_cast<size_t>(got));
    lane.waiting_bytes += bytes.size();
    byte_count_ += bytes.size();
    Instant due = clock_.now();
    if (order.kind == CutOrder::Kind::kDelay)
        due = due + Duration(random_.below(static_cast<uint64_t>(order.delay.count()) + 1));
    // Nothing overtakes: a stream has one order.
    if (!lane.waiting.empty()) due = std::max(due, lane.waiting.back().due);
    lane.waiting.push_back({due, std::move(bytes)});
}

void CutProxy::give_out(Connection& connection, Lane& lane, const CutOrder& order) {
    const Instant now = clock_.now();
    while (!lane.waiting.empty() && lane.waiting.front().due <= now) {
        std::string& bytes = lane.waiting.front().bytes;
        size_t part = bytes.size();
        if (order.kind == CutOrder::Kind::kDelay)
            part = std::min(part, static_cast<size_t>(random_.between(1, kPieceBytesMax)));
        const ssize_t sent = ::send(lane.to, bytes.data(), part, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (sent < 0) {
            connection.broken = true;
            return;
        }
        lane.waiting_bytes -= static_cast<size_t>(sent);
        bytes.erase(0, static_cast<size_t>(sent));
        if (bytes.empty()) lane.waiting.pop_front();
    }
    if (lane.waiting.empty() && lane.ended) connection.broken = true;
}

void CutProxy::run() {
    while (!stopping_) {
        std::vector<Listener> listeners;
        {
            MutexLock lock(mutex_);
            listeners = listeners_;
        }
        std::vector<pollfd> polled;
        for (const Listener& listener : listeners) polled.push_back({listener.socket, POLLIN, 0});
        bool pieces_wait = false;
        for (const Connection& connection : connections_) {
            const bool held =
                order_of(connection.from, connection.to).kind == CutOrder::Kind::kHold;
            for (const Lane* lane : {&connection.forth, &connection.back}) {
                const bool reads = !held && !lane->ended && lane->waiting_bytes < kWaitingBytesMax;
                if (reads) polled.push_back({lane->from, POLLIN, 0});
                pieces_wait = pieces_wait || !lane->waiting.empty();
            }
        }
        ::poll(polled.data(), polled.size(), pieces_wait ? 1 : kPollMilliseconds);
        for (const Listener& listener : listeners) accept_at(listener);
        for (Connection& connection : connections_) {
            const CutOrder order = order_of(connection.from, connection.to);
            if (order.kind == CutOrder::Kind::kHangUp) connection.broken = true;
            if (order.kind == CutOrder::Kind::kHold) continue;
            for (Lane* lane : {&connection.forth, &connection.back}) {
                take_in(connection, *lane, order);
                give_out(connection, *lane, order);
            }
        }
        std::erase_if(connections_, [](const Connection& connection) {
            if (!connection.broken) return false;
            ::close(connection.forth.from);
            ::close(connection.forth.to);
            return true;
        });
    }
}

}  // namespace timber::process
