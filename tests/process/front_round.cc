// The server's front and the client library over real sockets, with Stores that are a map in
// memory: what gRPC, discovery, retries and the way out do, without Raft.
//
//   front_round --seconds N
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <thread>

#include "src/base/histogram.h"
#include "src/client/client.h"
#include "src/platform/platform.h"
#include "src/platform/system_clock.h"
#include "src/server/admin_service.h"
#include "src/server/client_service.h"
#include "src/server/peer_transport.h"

namespace timber {
namespace {

using client::Answer;
using client::Client;
using raftstore::Outcome;
using raftstore::RegionError;

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            std::printf("FAILED at %s:%d: %s\n", __FILE__, __LINE__, #condition); \
            std::exit(1);                                                         \
        }                                                                         \
    } while (false)

// A Store that leads, or says who does. On a loop of its own, like the real one.
class MapStore final : public server::StoreHandle {
  public:
    MapStore(Platform& platform, uint64_t id, uint64_t leader)
        : id_(id), leader_(leader), thread_(*platform.start_loop("map")) {}

    void submit(raftstore::Request request, raftstore::Callback callback) override {
        thread_->loop().post(
            [this, request = std::move(request), callback = std::move(callback)]() mutable {
                callback(answer(request));
            });
    }
    void receive(raftstore::Envelope) override { received.fetch_add(1); }
    void unreachable(raftstore::StoreId) override { lost.fetch_add(1); }
    void status(std::move_only_function<void(raftstore::StoreStatus)> done) override {
        thread_->loop().post([this, done = std::move(done)]() mutable {
            raftstore::StoreStatus status;
            status.identity.store = raftstore::StoreId(id_);
            done(std::move(status));
        });
    }

    std::atomic<uint64_t> received = 0;
    std::atomic<uint64_t> lost = 0;
    std::atomic<uint64_t> unknown_left = 0;  // so many writes end with their outcome unknown
    std::atomic<uint64_t> busy_left = 0;     // so many requests are answered busy

  private:
    static bool take_one(std::atomic<uint64_t>& left) {
        uint64_t seen = left.load();
        while (seen > 0 && !left.compare_exchange_weak(seen, seen - 1)) {
        }
        return seen > 0;
    }

    raftstore::Response answer(const raftstore::Request& request) {
        raftstore::Response response;
        const auto refuse = [&](RegionError::Kind kind) {
            response.outcome = Outcome::kNotDone;
            response.error = RegionError{.kind = kind, .message = "m"};
        };
        if (id_ != leader_) {
            refuse(RegionError::Kind::kNotLeader);
            response.error->leader =
                raftstore::PeerMeta{raftstore::PeerId(leader_), raftstore::StoreId(leader_)};
            return response;
        }
        if (take_one(busy_left)) {
            refuse(RegionError::Kind::kServerBusy);
            return response;
        }
        if (const auto* write = std::get_if<raftstore::WriteRequest>(&request)) {
            for (const auto& operation : write->operations)
                if (operation.kind == raftstore::WriteOperation::Kind::kPut)
                    pairs_[std::string(operation.key)] = operation.value;
                else
                    pairs_.erase(std::string(operation.key));
            if (take_one(unknown_left)) response.outcome = Outcome::kUnknown;
        } else if (const auto* get = std::get_if<raftstore::GetRequest>(&request)) {
            if (const auto found = pairs_.find(get->key); found != pairs_.end())
                response.value = found->second;
        } else if (const auto* scan = std::get_if<raftstore::ScanRequest>(&request)) {
            for (auto at = pairs_.lower_bound(scan->start_key);
                 at != pairs_.end() && response.pairs.size() < scan->limit; ++at)
                response.pairs.push_back({at->first, at->second});
        }
        return response;
    }

    const uint64_t id_;
    const uint64_t leader_;
    std::unique_ptr<LoopThread> thread_;
    std::map<std::string, std::string> pairs_;  // the loop's
};

// One front: listeners for clients and servers over a MapStore.
struct Front {
    Front(Platform& platform, uint64_t id, uint64_t leader)
        : store(platform, id, leader),
          transport({.listen = "127.0.0.1:0"}, platform.clock()),
          clients(store, {}, 1024),
          admin(store, clients, transport) {
        rpc::ServerOptions options{.name = "front", .address = "127.0.0.1:0"};
        clients.add_to(options);
        admin.add_to(options);
        auto started = rpc::Server::start(std::move(options));
        CHECK(started.ok());
        server = std::move(*started);
        address = "127.0.0.1:" + std::to_string(server->port());
        admin.set_addresses({address, ""});
        identity = {storage::ClusterId(7), storage::StoreId(id), storage::Incarnation(id + 100)};
        CHECK(transport.start(identity, address, store).ok());
        peer_address = "127.0.0.1:" + std::to_string(transport.port());
    }
    ~Front() { stop(); }
    void stop() {
        server->drain(std::chrono::seconds(5));
        transport.stop();
        server->stop();
    }

    MapStore store;
    server::PeerTransport transport;
    server::ClientService clients;
    server::AdminService admin;
    std::unique_ptr<rpc::Server> server;
    storage::StoreIdentity identity;
    std::string address;
    std::string peer_address;
};

template <typename Condition>
void wait_until(const char* what, Condition condition) {
    SystemClock clock;
    const Instant limit = clock.now() + std::chrono::seconds(20);
    while (!condition()) {
        if (clock.now() > limit) {
            std::printf("FAILED: never %s\n", what);
            std::exit(1);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
}

std::unique_ptr<Client> client_of(std::vector<std::string> endpoints, bool retry_unknown = false) {
    auto made = Client::connect({.endpoints = std::move(endpoints),
                                 .time_limit = std::chrono::seconds(5),
                                 .retry_unknown = retry_unknown});
    CHECK(made.ok());
    return std::move(*made);
}

Answer put(Client& client, const std::string& key, const std::string& value) {
    return Client::wait([&](Client::Done done) { client.put(key, value, std::move(done)); });
}
Answer get(Client& client, const std::string& key) {
    return Client::wait([&](Client::Done done) { client.get(key, std::move(done)); });
}

raftstore::Envelope envelope(const Front& from, uint64_t to) {
    return {.cluster = from.identity.cluster,
            .from = from.identity.store,
            .from_incarnation = from.identity.incarnation,
            .to = storage::StoreId(to),
            .body = raftstore::SnapshotAck{}};
}

// The second server leads; the client knows the first alone, which has met the second.
void follow_the_leader(Front& first, Front& second) {
    first.transport.send(second.peer_address, envelope(first, 2));
    wait_until("a message arrived", [&] { return second.store.received > 0; });
    auto client = client_of({first.address});
    CHECK(put(*client, "k", "v").outcome == client::Outcome::kDone);
    CHECK(get(*client, "k").value == "v");
    CHECK(!get(*client, "absent").value.has_value());
    CHECK(get(*client, "k").tries == 1);
    const Answer pairs =
        Client::wait([&](Client::Done done) { client->scan("", 10, std::move(done)); });
    CHECK(pairs.pairs.size() == 1 && pairs.pairs[0].value == "v");
    const Answer removed =
        Client::wait([&](Client::Done done) { client->remove("k", std::move(done)); });
    CHECK(removed.outcome == client::Outcome::kDone);
    CHECK(!get(*client, "k").value.has_value());
    CHECK(put(*client, "", "v").outcome == client::Outcome::kNotDone);
}

void outcomes(Front& leader) {
    auto careful = client_of({leader.address});
    leader.store.unknown_left = 1;
    const Answer unknown = put(*careful, "u", "1");
    CHECK(unknown.outcome == client::Outcome::kUnknown && unknown.tries == 1);
    auto bold = client_of({leader.address}, true);
    leader.store.unknown_left = 2;
    const Answer again = put(*bold, "u", "2");
    CHECK(again.outcome == client::Outcome::kDone && again.tries == 3);
    leader.store.busy_left = 3;
    const Answer late = put(*careful, "b", "1");
    CHECK(late.outcome == client::Outcome::kDone && late.tries == 4);
    // Nobody listens there: surely not done.
    auto lonely = Client::connect(
        {.endpoints = {"127.0.0.1:1"}, .time_limit = std::chrono::milliseconds(300)});
    CHECK(put(**lonely, "k", "v").outcome == client::Outcome::kNotDone);
}

// Many requests in flight from one client; every one is answered, also past the server's limit.
void many_in_flight(Front& leader, double seconds) {
    auto client = client_of({leader.address});
    SystemClock clock;
    std::atomic<uint64_t> done = 0;
    std::atomic<uint64_t> open = 0;
    uint64_t sent = 0;
    const Instant start = clock.now();
    while (clock.now() - start < std::chrono::duration<double>(seconds)) {
        while (open.load() < 64) {
            open.fetch_add(1);
            client->put("key" + std::to_string(sent++ % 1000), std::string(256, 'v'),
                        [&](Answer answer) {
                            CHECK(answer.outcome == client::Outcome::kDone);
                            done.fetch_add(1);
                            open.fetch_sub(1);
                        });
        }
        std::this_thread::yield();
    }
    wait_until("all were answered", [&] { return done.load() == sent; });
    std::printf("%.0f puts per second through the front, 64 in flight\n",
                static_cast<double>(sent) / seconds);
}

// A client that goes away with requests in flight has each of them answered.
void client_goes_away(Front& leader) {
    std::atomic<uint64_t> answered = 0;
    {
        auto client = client_of({leader.address, "127.0.0.1:1"});
        for (int i = 0; i < 500; ++i)
            client->put("gone", "v", [&](Answer) { answered.fetch_add(1); });
    }
    CHECK(answered.load() == 500);
}

void strangers(Platform& platform, Front& second) {
    const uint64_t before = second.store.received;
    Front other(platform, 5, 5);
    other.transport.stop();
    server::PeerTransport foreign({.listen = "127.0.0.1:0"}, platform.clock());
    storage::StoreIdentity identity = other.identity;
    identity.cluster = storage::ClusterId(8);
    CHECK(foreign.start(identity, "", other.store).ok());
    auto message = envelope(other, 2);
    message.cluster = identity.cluster;
    wait_until("a foreign server was refused", [&] {
        foreign.send(second.peer_address, message);
        return other.store.lost > 0;
    });
    CHECK(second.store.received == before);
    foreign.stop();
}

// Whoever asks for an answer, at however many addresses and in however many names, is given a
// bounded number of channels, and none that another is connected on.
void many_to_answer(Front& first, Front& second) {
    server::PeerTransport& transport = first.transport;
    for (uint64_t port = 1; port < 300; ++port)
        transport.send("127.0.0.1:" + std::to_string(port), envelope(first, 9));
    wait_until("channels to old addresses are closed", [&] {
        transport.send("127.0.0.1:1", envelope(first, 9));
        return transport.channels() < 10;
    });
    transport.send("unix:/tmp/timber", envelope(first, 99));
    for (const server::KnownPeer& peer : transport.known()) CHECK(peer.store.value() != 99);
    for (uint64_t store = 100; store < 600; ++store)
        transport.send("127.0.0.1:1", envelope(first, store));
    CHECK(transport.known().size() <= server::PeerTransportOptions().destinations_max);
    const uint64_t before = second.store.received;
    transport.send(second.peer_address, envelope(first, 2));
    wait_until("the one that was connected still is",
               [&] { return second.store.received > before; });
}

int run(double seconds) {
    auto platform = Platform::create({});
    CHECK(platform.ok());
    Front first(**platform, 1, 2);
    Front second(**platform, 2, 2);
    follow_the_leader(first, second);
    outcomes(second);
    strangers(**platform, second);
    many_to_answer(first, second);
    client_goes_away(second);
    many_in_flight(second, seconds);
    std::thread going([&] { second.stop(); });
    going.join();
    std::printf("front_round: ok\n");
    return 0;
}

}  // namespace
}  // namespace timber

int main(int argc, char** argv) {
    double seconds = 1;
    for (int i = 1; i + 1 < argc; i += 2)
        if (std::string_view(argv[i]) == "--seconds") seconds = std::atof(argv[i + 1]);
    return timber::run(seconds);
}
