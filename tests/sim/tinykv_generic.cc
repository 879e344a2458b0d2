// The generic test that most of TinyKV's cluster tests are made of.
#include <cstdio>

#include "tests/sim/tinykv_cluster.h"

namespace timber::sim {

using namespace std::chrono_literals;

namespace {

std::string numbered(size_t client, size_t number) {
    char text[40];
    std::snprintf(text, sizeof text, "%02zu %08zu", client, number);
    return text;
}

class Generic {
  public:
    Generic(const GenericTest& test, uint64_t seed, bool harder)
        : test_(test),
          kv_({.seed = seed, .servers = 5, .harder = harder, .log_limit = test.log_limit}),
          puts_(test.clients) {}

    void play() {
        kv_.run_for(1s);
        for (size_t i = 0; i < test_.iterations; ++i) iterate();
    }

  private:
    void iterate() {
        stop_clients_ = false;
        clients_running_ = test_.clients;
        for (size_t client = 0; client < test_.clients; ++client) {
            puts_[client] = 0;
            kv_.cluster().spawn([this, client] {
                load(client);
                --clients_running_;
            });
        }
        const bool troubles = test_.unreliable || test_.partitions;
        if (troubles) {
            kv_.run_for(300ms);
            ++chaos_;
            make_chaos(chaos_);
        }
        if (test_.confchange) {
            kv_.run_for(100ms);
            changing_ = true;
            kv_.cluster().spawn([this] { change_members(); });
        }
        kv_.start_deaths();
        kv_.run_for(5s);
        stop_clients_ = true;
        changing_ = false;
        ++chaos_;
        kv_.stop_deaths();
        if (troubles) {
            kv_.clear_filters();
            kv_.run_for(500ms);
        }
        if (kv_.harder()) kv_.run_for(400ms);  // whoever died is started again
        kv_.cluster().start_all();
        if (!kv_.cluster().run_until([&] { return clients_running_ == 0; }, 120s)) {
            broken("the clients do not come to their end");
        }
        if (test_.crash) kv_.restart_all();
        for (size_t client = 0; client < test_.clients; ++client) {
            kv_.play([this, client] { verify(client); });
        }
        if (test_.log_limit == 0) return;
        kv_.run_for(1s);
        kv_.play([this] { kv_.must_hold_entries(2 * test_.log_limit); });
    }

    void load(size_t client) {
        size_t& next = puts_[client];
        while (!stop_clients_) {
            if (kv_.random().one_in(2)) {
                kv_.put(numbered(client, next), value(client, next));
                ++next;
            } else {
                compare(client, next, "while writing");
            }
        }
    }

    static std::string value(size_t client, size_t number) {
        return "x " + numbered(client, number) + " y";
    }

    // Everything that the client has put, once, in order, and nothing else.
    void compare(size_t client, size_t count, const char* when) {
        const auto pairs = kv_.scan(numbered(client, 0), static_cast<uint32_t>(count));
        bool same = pairs.size() == count;
        for (size_t i = 0; same && i < count; ++i) same = pairs[i].value == value(client, i);
        if (!same) broken("a scan shows something else than what was put, " + std::string(when));
    }

    void verify(size_t client) {
        compare(client, puts_[client], "at the end");
        for (size_t i = 0; i < puts_[client]; ++i) kv_.remove(numbered(client, i));
    }

    // Every 500 to 699 ms. Without partitions the drop filters stack, as they do in the suite.
    void make_chaos(uint64_t number) {
        if (number != chaos_) return;
        if (test_.partitions) {
            kv_.clear_filters();
            std::vector<size_t> sides[2];
            for (size_t place = 0; place < 5; ++place)
                sides[kv_.random().below(2)].push_back(place);
            kv_.partition(sides[0], sides[1]);
        }
        if (test_.unreliable) kv_.add_drop_filter();
        kv_.cluster().at(1ms * kv_.random().between(500, 699),
                         [this, number] { make_chaos(number); });
    }

    // Every 0 to 199 ms a Store is given a peer or loses it.
    void change_members() {
        while (changing_) {
            kv_.cluster().sleep(1ms * kv_.random().below(200));
            std::optional<raftstore::Region> now;
            size_t leader = 0;
            kv_.cluster().between_steps([&] {
                for (size_t place = 0; place < 5; ++place) {
                    if (!kv_.cluster().machine(place).leads(raftstore::RegionId(1))) continue;
                    const auto peer = kv_.cluster().machine(place).peer(raftstore::RegionId(1));
                    leader = place;
                    if (peer) now = peer->region;
                }
            });
            if (now) change_one(*now, leader);
        }
    }

    void change_one(const raftstore::Region& now, size_t leader) {
        const size_t place = kv_.random().below(5);
        const raftstore::PeerMeta* there = now.find_store(raftstore::StoreId(place + 1));
        raftstore::ChangePeerRequest request{.header = {.region = now.id, .epoch = now.epoch}};
        if (there == nullptr) {
            request.type = raft::ConfChangeType::kAddVoter;
            request.peer = {.id = raftstore::PeerId(++last_peer_),
                            .store = raftstore::StoreId(place + 1),
                            .address = SimNetwork::address_of(place)};
        } else if (now.peers.size() > 1) {
            request.type = raft::ConfChangeType::kRemove;
            request.peer = *there;
        } else {
            return;
        }
        kv_.cluster().call(leader, std::move(request), 1s);
    }

    const GenericTest test_;
    TinyKv kv_;
    std::vector<size_t> puts_;
    bool stop_clients_ = false;
    bool changing_ = false;
    size_t clients_running_ = 0;
    uint64_t chaos_ = 0;
    uint64_t last_peer_ = 5;
};

}  // namespace

void play_generic(const GenericTest& test, uint64_t seed, bool harder) {
    Generic(test, seed, harder).play();
}

}  // namespace timber::sim
