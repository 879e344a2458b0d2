#pragma once
// The words of TinyKV's cluster tests (kv/test_raftstore), in virtual time: requests that are sent
// again until they are answered, faults as that suite has them, looks into one Store's engine.
//
// Every test is played as it is there, and once more harder: messages are doubled, delayed and
// overtaken, machines lose power in the middle of the work, and where the suite stops Stores in
// order all machines lose power at once.
//
// Thread:   one. Calls marked "job" come from scripts, everything else from between two steps.
// Failure:  broken() (replicated_log.h), as an assertion of the test.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/cluster.h"

namespace timber::sim {

struct TinyKvOptions {
    uint64_t seed = 1;
    size_t servers = 5;
    bool harder = false;
    // The suite's maxraftlog, or RaftLogGcCountLimit; 0: off.
    uint64_t log_limit = 0;
    std::vector<std::string> splits{};
};

class TinyKv {
  public:
    explicit TinyKv(const TinyKvOptions& options);
    ~TinyKv();

    Cluster& cluster() { return *cluster_; }
    Random& random() { return random_; }
    bool harder() const { return options_.harder; }
    void run_for(Duration duration) { cluster_->run_for(duration); }
    // Runs the script to its end.
    void play(std::function<void()> script);

    // --- Requests: job ---

    // To whoever leads, again and again, for 50 s of outages and 1 s each, as the suite's Request.
    raftstore::Response request(const std::string& key, const raftstore::Request& request);
    void put(const std::string& key, const std::string& value,
             memtable::Family family = memtable::Family::kDefault);
    std::optional<std::string> get(const std::string& key,
                                   memtable::Family family = memtable::Family::kDefault);
    void must_get(const std::string& key, const std::string& value);
    void remove(const std::string& key, memtable::Family family = memtable::Family::kDefault);
    std::vector<raftstore::KeyValue> scan(const std::string& start, uint32_t limit);

    // --- Engines: job ---

    // Polls the Store's own state for 6 s until the key has this value; none: until it is absent.
    void must_have(size_t place, const std::string& key, const std::optional<std::string>& value,
                   memtable::Family family = memtable::Family::kDefault);
    // On all Stores that hold the Region, at once: applied minus truncated.
    void must_hold_entries(uint64_t most);
    storage::TruncatedState truncated(size_t place);

    // --- Leaders and members: job ---

    // Waits 5 s at most for one.
    size_t leader_place(raftstore::RegionId region = raftstore::RegionId(1));
    void transfer(size_t to_place);
    void add_peer(size_t place, uint64_t peer);
    void remove_peer(size_t place, uint64_t peer);
    raftstore::Region region(raftstore::RegionId region = raftstore::RegionId(1));

    // --- Faults ---

    void partition(const std::vector<size_t>& left, const std::vector<size_t>& right);
    // The suite's drop filter loses 10.1 %; filters stack.
    void add_drop_filter();
    void clear_filters();
    // In order, or, harder, by loss of power.
    void stop(size_t place);
    void start(size_t place) { cluster_->start(place); }
    void restart_all();
    // From now on, harder: machines lose power now and then, one at a time.
    void start_deaths();
    void stop_deaths() { ++deaths_; }

  private:
    void change(raft::ConfChangeType type, size_t place, uint64_t peer);
    void kill_one(uint64_t number);
    // Invariants and limits of all Stores, again and again.
    void watch();

    const TinyKvOptions options_;
    Random random_;
    std::unique_ptr<Cluster> cluster_;
    std::map<raftstore::RegionId, size_t> leaders_;
    double survival_ = 1.0;
    uint64_t deaths_ = 0;
    bool over_ = false;
};

// What a test's name means in the suite: section 6.2 of its description.
struct GenericTest {
    const char* name = "";
    size_t clients = 1;
    bool unreliable = false;
    bool crash = false;
    bool partitions = false;
    uint64_t log_limit = 0;
    bool confchange = false;
    size_t iterations = 3;
};
void play_generic(const GenericTest& test, uint64_t seed, bool harder);

}  // namespace timber::sim
