#pragma once
// A few Stores in one simulated world, on a network that loses nothing unless a test says so, with
// verbs that read like a story: start, put, crash, expect.
//
// Every message passes through its wire form, so that what cannot be encoded is noticed.
//
// Thread: the test's.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/raftstore/store.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sim_world.h"

namespace timber::raftstore {

// What became of a request.
struct Answer {
    size_t times = 0;  // how often it was answered: once, for ever
    Response response;

    bool answered() const { return times > 0; }
    bool done() const { return times == 1 && response.outcome == Outcome::kDone; }
    // Surely not done, with this error.
    bool refused(RegionError::Kind kind) const {
        return times == 1 && response.outcome == Outcome::kNotDone && response.error &&
               response.error->kind == kind;
    }
};
using AnswerRef = std::shared_ptr<Answer>;  // owners: the test and the callback

class Cluster;

class Node final : public Transport, public StoreObserver {
  public:
    Node(Cluster& cluster, StoreId id);
    ~Node() override;

    StoreId id() const { return id_; }
    bool running() const { return store_ != nullptr; }
    Store& store() { return *store_; }
    SimDisk& disk() { return *disk_; }
    SimLoop& loop() { return *loop_; }

    // Opens it; the options' formation is used as it stands.
    Status open();
    void close();
    // Asks the Store to close; close() waits for it.
    void begin_close();
    void crash(Death death, uint64_t seed);
    // An empty disk.
    void wipe();

    // What was told.
    std::vector<Error> failures;
    std::vector<std::string> strangers;
    std::map<RegionId, std::vector<raft::LogIndex>> applied_indices;

    StoreOptions options;

    // Transport and StoreObserver
    void send(const std::string& address, Envelope envelope) override;
    void failed(const Error& error) override { failures.push_back(error); }
    void stranger(StoreId, const std::string& reason) override { strangers.push_back(reason); }
    void applied(RegionId region, const raft::Entry& entry) override {
        applied_indices[region].push_back(entry.index);
    }

  private:
    void destroy_store();

    Cluster& cluster_;
    const StoreId id_;
    std::unique_ptr<SimLoop> loop_;
    std::unique_ptr<SimDisk> disk_;
    std::unique_ptr<Store> store_;
    bool closing_ = false;
    bool closed_ = false;
};

class Cluster {
  public:
    // Stores 1 to `stores`, with `regions` Regions that split the keys "k0000".. evenly; each Store
    // has a peer of every Region, with id region * 100 + store.
    explicit Cluster(size_t stores, size_t regions = 1, uint64_t seed = 1);
    ~Cluster();

    SimWorld& world() { return *world_; }
    Node& node(uint64_t store) { return *nodes_.at(store - 1); }
    size_t size() const { return nodes_.size(); }
    // Another Store, formed without Regions.
    Node& add_node();
    // Forms and opens all.
    void start();

    static RegionId region_id(size_t number = 1) { return RegionId(number); }
    PeerMeta peer_on(uint64_t store, RegionId region = region_id()) const;

    // Until the condition holds; false after `limit` of virtual time.
    bool wait_for(const std::function<bool()>& condition,
                  Duration limit = std::chrono::seconds(30));
    void run_for(Duration duration) { world_->run_for(duration); }
    // The Store that leads the Region, by its own word, the one with the highest term; 0 if none.
    uint64_t leader(RegionId region = region_id());
    uint64_t wait_leader(RegionId region = region_id());
    PeerStatus status(uint64_t store, RegionId region = region_id());
    bool has_peer(uint64_t store, RegionId region = region_id());

    // Requests to one Store.
    AnswerRef submit(uint64_t store, Request request);
    AnswerRef put(uint64_t store, std::string_view key, std::string_view value);
    AnswerRef remove(uint64_t store, std::string_view key);
    AnswerRef get(uint64_t store, std::string_view key);
    AnswerRef scan(uint64_t store, std::string_view start, uint32_t limit);
    AnswerRef wait(AnswerRef answer, Duration limit = std::chrono::seconds(30));
    // To whoever leads, again and again until it is done.
    void must_put(std::string_view key, std::string_view value, RegionId region = region_id());
    std::optional<std::string> must_get(std::string_view key, RegionId region = region_id());
    Region must_change(raft::ConfChangeType type, PeerMeta peer, RegionId region = region_id());
    void must_transfer(uint64_t to, RegionId region = region_id());

    // What a Store's state holds of a family, read past Raft.
    std::map<std::string, std::string> contents(
        uint64_t store, memtable::Family family = memtable::Family::kDefault);
    // All running members have applied the same, and hold the same.
    bool settled(RegionId region = region_id());

    // False drops the message.
    std::function<bool(StoreId from, StoreId to, const Envelope& envelope)> filter;
    void isolate(uint64_t store);
    void heal() { filter = nullptr; }
    Duration latency = std::chrono::milliseconds(1);

    StoreOptions base_options() const;
    static constexpr ClusterId kCluster{77};

  private:
    friend class Node;
    void deliver(Envelope envelope);

    std::unique_ptr<SimWorld> world_;
    std::vector<Region> regions_;
    std::vector<std::unique_ptr<Node>> nodes_;
    uint64_t seed_;
};

}  // namespace timber::raftstore
