#pragma once
// A cluster in one thread: machines, a network, a log of what all have applied, and straight-line
// scripts that play on it.
//
// Everything happens through the run functions: they step the world, and between two steps they
// let machines go on from one state to the next and do what at() and between_steps() asked for.
// Scripts and clients are jobs of the world; what they call is marked "from a job".
//
// Thread:     one.
// Lifetime:   shut_down() before it goes, which also ends all jobs.
// Failure:    broken() (replicated_log.h).
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/machine.h"

namespace timber::sim {

struct ClusterOptions {
    uint64_t seed = 1;
    // Places for machines; Regions begin with the first `members` of them as voters.
    size_t machines = 3;
    size_t members = 3;
    // Keys that split the key space into Regions 1, 2, ...; none: one Region.
    std::vector<std::string> splits{};
    // A world that takes more steps is in a storm: something answers something without end.
    uint64_t steps_max = UINT64_MAX;
    SimWorldOptions world{};
    SimDiskOptions disk{};
    NetworkFaults network{};
    // How long a client's request, and an answer, takes at most.
    Duration client_delay_max = std::chrono::microseconds(400);
    // Changes what make_options() made; drawn from or not.
    std::function<void(raftstore::StoreOptions&)> tune{};
};

// Small enough that flushes, compactions, segments and snapshots come often.
raftstore::StoreOptions small_options();

class Cluster {
  public:
    explicit Cluster(const ClusterOptions& options);
    ~Cluster();

    SimWorld& world() { return world_; }
    SimNetwork& network() { return network_; }
    ReplicatedLog& log() { return log_; }
    Machine& machine(size_t place) { return *machines_[place]; }
    size_t machines() const { return machines_.size(); }
    MachineCounts& counts() { return counts_; }
    const std::vector<raftstore::Region>& regions() const { return regions_; }
    const raftstore::Region& region_of(const std::string& key) const;
    // A number for the next moment of a history.
    uint64_t next_moment() { return ++moment_; }
    uint64_t trace_hash() const { return world_.trace_hash(); }

    // --- From between two steps ---

    void start(size_t place);
    void start_all();
    // Kills or stops it and waits until it is down.
    void bring_down(size_t place, std::optional<Death> death);
    void wipe(size_t place);
    uint64_t incarnation(size_t place) const { return incarnations_[place]; }
    void set_clock(size_t place, uint64_t per_mille) { clocks_[place] = per_mille; }
    SimDiskOptions& disk_options(size_t place) { return disks_[place]; }

    // False if `limit` passed before `predicate` held.
    bool run_until(const std::function<bool()>& predicate, Duration limit);
    void run_for(Duration duration);
    // Runs `script` as a job until it has ended.
    void run_script(std::function<void()> script, Duration limit);
    // Starts a job that runs along.
    void spawn(std::function<void()> script);
    size_t scripts_running() const { return scripts_running_; }
    // Runs `function` between two steps, once `delay` has passed.
    void at(Duration delay, std::function<void()> function);
    // Kills what runs, and waits until nothing is left.
    void shut_down();

    // --- From a job ---

    void sleep(Duration duration) { world_.sleep(duration); }
    void between_steps(std::function<void()> function);
    struct Called {
        bool sent = false;
        std::optional<raftstore::Response> response{};  // none: time is up
    };
    // `on_answer` runs when the answer comes, even if it comes too late.
    Called call(size_t place, raftstore::Request request, Duration timeout,
                std::function<void(const raftstore::Response&)> on_answer = {});

  private:
    struct Call {
        SimFiber* waiter = nullptr;
        bool over = false;
        std::optional<raftstore::Response> response{};
    };

    void turn();
    Duration client_delay();

    const ClusterOptions options_;
    SimWorld world_;
    SimNetwork network_;
    ReplicatedLog log_;
    MachineCounts counts_;
    std::vector<raftstore::Region> regions_;
    std::vector<std::unique_ptr<Machine>> machines_;
    std::vector<uint64_t> incarnations_;
    std::vector<uint64_t> clocks_;
    std::vector<SimDiskOptions> disks_;
    std::vector<bool> formed_;
    std::deque<std::function<void()>> due_;
    size_t scripts_running_ = 0;
    uint64_t moment_ = 0;
    uint64_t stores_seeded_ = 0;
};

}  // namespace timber::sim
