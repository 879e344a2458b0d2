#include "tests/process/hostile/connection.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace timber::hostile {

namespace {

constexpr size_t kDataKept = 1 << 16;

uint32_t number_of(std::string_view bytes) {
    uint32_t value = 0;
    for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
    return value;
}

bool wait_for(int socket, short events, std::chrono::milliseconds limit) {
    pollfd waited{socket, events, 0};
    return ::poll(&waited, 1, static_cast<int>(limit.count())) > 0;
}

}  // namespace

Connection::Connection(int port) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) close();
}

Connection::~Connection() { close(); }

void Connection::close() {
    if (open()) ::close(socket_);
    socket_ = -1;
}

void Connection::abort() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    if (open()) ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
}

bool Connection::send(std::string_view bytes, Milliseconds limit) {
    while (open() && !bytes.empty()) {
        if (!wait_for(socket_, POLLOUT, limit)) {
            close();
            break;
        }
        const ssize_t sent =
            ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN) close();
        if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return open();
}

std::string Connection::receive(Milliseconds limit) {
    if (!open() || !wait_for(socket_, POLLIN, limit)) return {};
    std::array<char, 65'536> buffer;
    const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got > 0) return std::string(buffer.data(), static_cast<size_t>(got));
    if (got == 0 || errno != EAGAIN) close();
    return {};
}

Session::Session(int port) : connection_(port) {
    constexpr uint32_t kWide = 0x7fff'ffff;
    constexpr std::array kSettings{HttpSetting{2, 0}, HttpSetting{4, kWide}};
    send(std::string(kPreface) + settings_frame(kSettings) + window_update(0, kWide - 65'535));
}

uint32_t Session::next_stream() {
    const uint32_t stream = streams_;
    streams_ += 2;
    states_[stream] = {};
    return stream;
}

uint32_t Session::begin(std::string_view path) {
    const uint32_t stream = next_stream();
    send(frame(FrameType::kHeaders, kEndHeaders, stream, request_fields(path)));
    return stream;
}

size_t Session::send_data(uint32_t stream, std::string_view bytes, Milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    size_t sent = 0;
    while (sent < bytes.size() && !over(stream) && std::chrono::steady_clock::now() < end) {
        const int64_t room = std::min(window_, stream_window_ + states_[stream].window);
        if (room <= 0) {
            take(Milliseconds(20));
            continue;
        }
        const size_t count =
            std::min({bytes.size() - sent, kFramePayloadMax, static_cast<size_t>(room)});
        if (!send(frame(FrameType::kData, 0, stream, bytes.substr(sent, count)))) break;
        sent += count;
        window_ -= static_cast<int64_t>(count);
        states_[stream].window -= static_cast<int64_t>(count);
        take(Milliseconds(0));
    }
    return sent;
}

bool Session::ask(std::string_view path, std::string_view grpc_bytes, Milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    const uint32_t stream = begin(path);
    send_data(stream, grpc_bytes, limit);
    if (!over(stream)) send(frame(FrameType::kData, kEndStream, stream, {}));
    while (!over(stream) && std::chrono::steady_clock::now() < end) take(Milliseconds(100));
    return over(stream);
}

bool Session::over(uint32_t stream) const {
    if (!open()) return true;
    const auto state = states_.find(stream);
    return state != states_.end() && state->second.over;
}

void Session::take(Milliseconds limit) {
    unread_ += connection_.receive(limit);
    size_t at = 0;
    while (unread_.size() - at >= kFrameHeaderBytes) {
        const std::string_view rest = std::string_view(unread_).substr(at);
        const size_t length = number_of(rest.substr(0, 3));
        if (rest.size() < kFrameHeaderBytes + length) break;
        on_frame(static_cast<FrameType>(rest[3]), static_cast<uint8_t>(rest[4]),
                 number_of(rest.substr(5, 4)), rest.substr(kFrameHeaderBytes, length));
        at += kFrameHeaderBytes + length;
    }
    unread_.erase(0, at);
}

void Session::on_frame(FrameType type, uint8_t flags, uint32_t stream, std::string_view payload) {
    const bool ends = (flags & kEndStream) != 0;
    switch (type) {
        case FrameType::kData:
            if (data_.size() < kDataKept) data_ += payload;
            if (!payload.empty()) {
                const auto bytes = static_cast<uint32_t>(payload.size());
                send(window_update(0, bytes) + (ends ? "" : window_update(stream, bytes)));
            }
            [[fallthrough]];
        case FrameType::kHeaders:
            if (ends) states_[stream].over = true;
            return;
        case FrameType::kReset: states_[stream].over = true; return;
        case FrameType::kSettings: return on_settings(flags, payload);
        case FrameType::kPing:
            if ((flags & kAck) == 0) send(frame(FrameType::kPing, kAck, 0, payload));
            return;
        case FrameType::kGoAway: gone_away_ = true; return;
        case FrameType::kWindowUpdate:
            (stream == 0 ? window_ : states_[stream].window) += number_of(payload);
            return;
        case FrameType::kPriority:
        case FrameType::kPushPromise:
        case FrameType::kContinuation: return;
    }
}

void Session::on_settings(uint8_t flags, std::string_view payload) {
    constexpr uint32_t kInitialWindow = 4;
    if ((flags & kAck) != 0) return;
    for (; payload.size() >= 6; payload.remove_prefix(6))
        if (number_of(payload.substr(0, 2)) == kInitialWindow)
            stream_window_ = number_of(payload.substr(2, 4));
    send(frame(FrameType::kSettings, kAck, 0, {}));
}

}  // namespace timber::hostile
