#pragma once
// TimberKV's client: get, put, delete and scan against a cluster, from a program of one's own.
//
//   TIMBER_TRY(auto client, client::Client::connect({.endpoints = {"127.0.0.1:20160"}}));
//   client->put("key", "value", [](client::Answer answer) { ... });
//   client::Answer answer = client->wait([&](auto done) { client->get("key", std::move(done)); });
//
// The client finds the leader by itself, from any one endpoint, follows it when it changes, and
// learns of other servers from those it knows, again and again. It keeps any number of requests in
// flight.
//
// Thread:   any. Completions run on the client's own thread and must not wait.
// Lifetime: the destructor cancels what is in flight: those completions run first, and say unknown.
// Outcome:  an answer says which of three holds. A write is sent again only where it was surely not
//           done, unless Options::retry_unknown says otherwise; a read is sent again until the
//           deadline, because reading twice changes nothing.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/base/io/clock.h"
#include "src/base/result.h"

namespace timber::client {

struct Options {
    std::vector<std::string> endpoints{};  // of any of the servers' client listeners
    std::string column_family{};           // empty: default
    // For each request, over all its tries.
    Duration time_limit = std::chrono::seconds(10);
    // Between tries, growing to the second.
    Duration retry_delay = std::chrono::milliseconds(5);
    Duration retry_delay_max = std::chrono::milliseconds(200);
    // One more is refused at once.
    size_t in_flight_max = 65536;
    // Send writes again that may have been done: for those that do no harm when done twice.
    bool retry_unknown = false;
    // Answers may be so large.
    size_t message_bytes_max = 80 << 20;
};

enum class Outcome : uint8_t {
    kDone,
    kNotDone,  // surely
    kUnknown,  // it may have been done, or may yet be
};

struct KeyValue {
    std::string key{};
    std::string value{};
};

struct Answer {
    Outcome outcome = Outcome::kDone;
    std::string error{};                 // why not done or unknown
    std::optional<std::string> value{};  // of a get; nothing: the key is absent
    std::vector<KeyValue> pairs{};       // of a scan
    bool more = false;                   // a scan cut off for its size: go on behind the last key
    uint32_t tries = 0;
};

class Client {
  public:
    using Done = std::move_only_function<void(Answer)>;

    // Does not wait for a connection. kInvalidArgument without endpoints.
    static Result<std::unique_ptr<Client>> connect(const Options& options);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void get(std::string_view key, Done done);
    void put(std::string_view key, std::string_view value, Done done);
    void remove(std::string_view key, Done done);
    void scan(std::string_view start_key, uint32_t limit, Done done);

    // Starts a request and waits for its answer. Not from a completion.
    static Answer wait(const std::function<void(Done)>& start);

    // A call of timberkv.Admin, whose messages are its caller's affair: to the server at
    // `endpoint`, or to the leader (which the answer's NotLeader names), where that is empty.
    void admin(const std::string& endpoint, const char* method, std::string request, Done done);
    // The endpoints known by now.
    std::vector<std::string> endpoints() const;

  private:
    class Impl;
    explicit Client(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace timber::client
