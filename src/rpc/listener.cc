#include "src/rpc/listener.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/assert.h"

namespace timber::rpc {

namespace {

// How long no connection is accepted after the kernel had no descriptor or memory for one.
constexpr int kBackoffMs = 100;

Error cannot_listen(const std::string& address) {
    return make_error(ErrorCode::kInvalidArgument,
                      "cannot listen on " + address +
                          ": is it taken by another process, or not of this machine?");
}

std::string without_brackets(std::string host) {
    if (host.size() > 2 && host.front() == '[') return host.substr(1, host.size() - 2);
    return host;
}

uint64_t cookie_of(int descriptor) {
    uint64_t cookie = 0;
    socklen_t bytes = sizeof cookie;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &cookie, &bytes) != 0) return 0;
    return cookie;
}

int port_of(int descriptor) {
    sockaddr_storage address{};
    socklen_t bytes = sizeof address;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &bytes) != 0) return 0;
    // The port stands at the same place for both families.
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

int listening_socket(const addrinfo& where) {
    const int made =
        ::socket(where.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    const int yes = 1;
    if (made >= 0 && ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        ::setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0 &&
        ::bind(made, where.ai_addr, where.ai_addrlen) == 0 && ::listen(made, SOMAXCONN) == 0)
        return made;
    if (made >= 0) ::close(made);
    return -1;
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::open(const std::string& address,
                                                 size_t connections_max) {
    std::unique_ptr<Listener> listener(new Listener(connections_max));
    TIMBER_CHECK(listener->bind_to(address));
    return listener;
}

Listener::~Listener() {
    stop();
    if (wake_ >= 0) ::close(wake_);
}

Status Listener::bind_to(const std::string& address) {
    const size_t colon = address.rfind(':');
    if (colon == std::string::npos) return cannot_listen(address);
    const std::string host = without_brackets(address.substr(0, colon));
    const std::string port = address.substr(colon + 1);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0)
        return cannot_listen(address);
    for (const addrinfo* at = found; at != nullptr && socket_ < 0; at = at->ai_next)
        socket_ = listening_socket(*at);
    ::freeaddrinfo(found);
    wake_ = ::eventfd(0, EFD_CLOEXEC);
    if (socket_ < 0 || wake_ < 0) return cannot_listen(address);
    port_ = port_of(socket_);
    return {};
}

void Listener::start(const std::string& name, std::function<void(int)> accepted) {
    TIMBER_ASSERT(!thread_.joinable());
    accepted_ = std::move(accepted);
    thread_ = std::thread([this, name] {
        pthread_setname_np(pthread_self(), (name + "-accept").substr(0, 15).c_str());
        run();
    });
}

void Listener::stop() {
    if (thread_.joinable()) {
        const uint64_t one = 1;
        const ssize_t written = ::write(wake_, &one, sizeof one);
        TIMBER_ASSERT_OP(written, ==, static_cast<ssize_t>(sizeof one));
        thread_.join();
    }
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
}

void Listener::run() {
    while (true) {
        pollfd waited[] = {{wake_, POLLIN, 0}, {socket_, POLLIN, 0}};
        ::poll(waited, 2, -1);
        if (waited[0].revents != 0) return;
        const int descriptor = ::accept4(socket_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (descriptor < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
                ::poll(waited, 1, kBackoffMs);
            continue;
        }
        if (!has_room(descriptor)) {
            ::close(descriptor);
            continue;
        }
        open_[descriptor] = cookie_of(descriptor);
        accepted_(descriptor);
    }
}

bool Listener::has_room(int descriptor) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    // The kernel gives the lowest number that is free (L2).
    if (static_cast<rlim_t>(descriptor) >= limit.rlim_cur - limit.rlim_cur / 4) return false;
    if (open_.size() >= connections_max_) forget_closed();
    return open_.size() < connections_max_;
}

void Listener::forget_closed() {
    std::erase_if(open_, [](const auto& known) { return cookie_of(known.first) != known.second; });
}

}  // namespace timber::rpc
