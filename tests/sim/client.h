#pragma once
// A client: sends requests to Stores, notes in a history what came of each, and checks what it is
// told against the log.
//
// Each sending is an operation of its own, with values of its own, so that what was surely not done
// can be told from what may yet happen. A client sends again by itself only what was surely not
// done; what is unknown stays in the history as such.
//
// Thread:     jobs of the world; one at a time for each client.
// Lifetime:   cluster and history outlive the client, and the answers that come late.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/check/history.h"
#include "tests/sim/cluster.h"

namespace timber::sim {

// Histories of all Regions, filled in as answers come.
class Recorder {
  public:
    explicit Recorder(Cluster& cluster) : cluster_(cluster) {}

    // A place in the Region's history. `drop`: nothing came of it that anybody could see.
    size_t begin(raftstore::RegionId region, Operation operation);
    void end(raftstore::RegionId region, size_t number, uint64_t index);
    void read_value(raftstore::RegionId region, size_t number, std::optional<std::string> value);
    void read_pairs(raftstore::RegionId region, size_t number,
                    std::vector<std::pair<std::string, std::string>> pairs);
    void drop(raftstore::RegionId region, size_t number);

    struct Checks {
        bool by_search = false;
        uint64_t search_steps_max = 20'000'000;
    };
    // Once all is answered: every history must be linearizable.
    void check(const Checks& checks);

    uint64_t writes_done() const { return writes_done_; }
    uint64_t reads_done() const { return reads_done_; }
    uint64_t unknown() const { return unknown_; }
    uint64_t refused() const { return refused_; }
    void count_unknown() { ++unknown_; }

  private:
    struct Noted {
        Operation operation;
        bool dropped = false;
    };
    History history_of(const std::vector<Noted>& noted) const;

    Cluster& cluster_;
    std::map<raftstore::RegionId, std::vector<Noted>> notes_;
    uint64_t writes_done_ = 0;
    uint64_t reads_done_ = 0;
    uint64_t unknown_ = 0;
    uint64_t refused_ = 0;
};

struct Row {
    memtable::Family family = memtable::Family::kDefault;
    std::string key{};
    std::optional<std::string> value{};  // none: remove it
};

// What came of one sending.
struct Sent {
    enum class Fate : uint8_t { kDone, kNotDone, kUnknown };
    Fate fate = Fate::kNotDone;
    raftstore::Response response{};
};

class Client {
  public:
    Client(Cluster& cluster, Recorder& recorder) : cluster_(cluster), recorder_(recorder) {}

    // One sending to one Store. `timeout`: after that the client goes on, and the fate is unknown
    // to it; the history takes in what comes later all the same.
    Sent write(size_t place, const std::vector<Row>& rows, Duration timeout,
               raftstore::RequestHeader header = {});
    Sent get(size_t place, memtable::Family family, const std::string& key, Duration timeout,
             raftstore::RequestHeader header = {});
    Sent scan(size_t place, memtable::Family family, const std::string& start, uint32_t limit,
              Duration timeout, raftstore::RequestHeader header = {});
    // A snap of the whole Region, read key by key meanwhile.
    Sent snap(size_t place, const std::string& key, Duration timeout);

    // Where the leader of the key's Region was last seen.
    size_t leader_place(const std::string& key);
    // Takes note of what an answer says about leaders.
    void learn(const std::string& key, size_t place, const Sent& sent);

  private:
    using Take = std::function<void(const raftstore::Response&, raftstore::RegionId, size_t)>;
    Sent send(size_t place, raftstore::RegionId region, Operation operation,
              raftstore::Request request, Duration timeout, Take take);
    void read_snap(size_t place, raftstore::RegionId region, size_t number,
                   const raftstore::Response& response);

    Cluster& cluster_;
    Recorder& recorder_;
    std::map<raftstore::RegionId, size_t> leaders_;
};

}  // namespace timber::sim
