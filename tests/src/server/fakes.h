#pragma once
// A Call without a network and a Store without Raft, for the services' tests.
//
// Thread: the test's.
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "src/base/io/clock.h"
#include "src/rpc/server.h"
#include "src/server/store_handle.h"

namespace timber::server {

// Keeps its answer. Checks that there is one, and only one.
class FakeCall final : public rpc::Call {
  public:
    explicit FakeCall(std::string_view request) : request_(rpc::Bytes::copy_of(request)) {}
    ~FakeCall() override { TIMBER_ASSERT(ending.has_value()); }

    const rpc::Bytes& request() const override { return request_; }
    std::optional<Duration> time_left() const override { return left; }
    void reply(std::string text) override { end({rpc::Code::kOk, {}}, std::move(text)); }
    void fail(rpc::Code code, std::string message) override { end({code, std::move(message)}, {}); }

    std::optional<Duration> left{};
    std::optional<rpc::Ending> ending{};
    std::string body{};

  private:
    void end(rpc::Ending how, std::string text) {
        TIMBER_ASSERT(!ending);
        ending = std::move(how);
        body = std::move(text);
    }

    rpc::Bytes request_;
};

// Answers when told to, with what it is told; keeps what it was asked.
class FakeStore final : public StoreHandle {
  public:
    void submit(raftstore::Request request, raftstore::Callback callback) override {
        requests.push_back(std::move(request));
        callbacks.push_back(std::move(callback));
    }
    void receive(raftstore::Envelope envelope) override { received.push_back(std::move(envelope)); }
    void unreachable(raftstore::StoreId store) override { lost.push_back(store); }
    void status(std::move_only_function<void(raftstore::StoreStatus)> done) override {
        done(status_now);
    }

    // Answers the oldest open request.
    void answer(raftstore::Response response) {
        TIMBER_ASSERT(!callbacks.empty());
        auto callback = std::move(callbacks.front());
        callbacks.pop_front();
        callback(std::move(response));
    }

    std::vector<raftstore::Request> requests;
    std::deque<raftstore::Callback> callbacks;
    std::vector<raftstore::Envelope> received;
    std::vector<raftstore::StoreId> lost;
    raftstore::StoreStatus status_now;
};

// Time does not pass.
class StoppedClock final : public Clock {
  public:
    Instant now() const override { return time; }
    Instant boot_now() const override { return time; }
    Instant time{};
};

// Bytes from hexadecimal digits, and back.
inline std::string from_hex(std::string_view digits) {
    std::string bytes;
    for (size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes += static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16));
    return bytes;
}
inline std::string to_hex(std::string_view bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string digits;
    for (const char c : bytes) {
        digits += kDigits[static_cast<unsigned char>(c) >> 4];
        digits += kDigits[static_cast<unsigned char>(c) & 15];
    }
    return digits;
}

}  // namespace timber::server
