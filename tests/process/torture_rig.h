#pragma once
// A cluster under torture: servers, the proxy between them, clients, and what was observed.
//
// Thread:   the main one, with which the servers end.
// Failure:  what must not happen ends the test with a message (server_process.h); the directory
//           with data and logs stays.
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "src/base/random.h"
#include "tests/process/cut_proxy.h"
#include "tests/process/small_disk.h"
#include "tests/process/torture_disk.h"
#include "tests/process/torture_workload.h"
#include "tests/sim/check/search_checker.h"
#include "tests/support/server_process.h"

namespace timber::process {

struct RigOptions {
    std::string directory{};
    uint64_t seed = 1;
    bool proxied = false;        // servers reach each other through a CutProxy
    bool torture_disks = false;  // the checked server, on disks that lose power
    std::string mistake{};       // of those servers
    bool small_disks = false;    // data on disks that can be filled
    bool leases = false;
};

// What rounds of one fault showed.
struct FaultRecord {
    uint64_t rounds = 0;
    Duration unavailable{0};  // the longest time without an acknowledged write
};

class TortureRig {
  public:
    explicit TortureRig(const RigOptions& options);
    ~TortureRig();

    // --- What faults are made of ---

    TestCluster& cluster() { return *cluster_; }
    ServerProcess& server(size_t i) { return cluster_->server(i); }
    size_t size() const { return cluster_->size(); }
    Random& random() { return random_; }
    CutProxy& proxy() { return *proxy_; }
    const CutProxy& proxy() const { return *proxy_; }
    bool proxied() const { return proxy_ != nullptr; }

    void start(size_t i);
    void kill(size_t i);
    // After its death: part of what it had not synced is gone.
    void lose_power(size_t i);
    void delay_syncs(size_t i, Duration delay);
    SmallDisk& small_disk(size_t i) { return *small_disks_.at(server(i).place().store); }
    // Waits until a get is answered.
    void expect_reads();
    // SIGTERM, and waits: it must end well.
    void end(size_t i);
    size_t any_server() { return random_.below(size()); }
    // The leader half the time.
    size_t leader_or_any();
    void pause(Duration shortest, Duration longest);
    uint64_t next_store() { return next_store_++; }

    // --- Rounds and the end ---

    void begin();
    // Plays `fault`, and waits until writes are acknowledged again.
    void round(const std::string& name, const std::function<void(TortureRig&)>& fault);
    // Faults have stopped: restarts all servers, reads everything back from each, and checks the
    // history.
    void finish();

    const std::map<std::string, FaultRecord>& records() const { return records_; }
    WorkloadCounts counts() const { return workload_->counts(); }
    // Of all power cuts so far.
    const PowerCutOutcome& power_cuts() const { return power_cuts_; }

  private:
    std::vector<std::string> environment_of(const ServerPlace& place);
    void restart_all();
    void read_all_through(size_t i);
    void check_history();

    const RigOptions options_;
    SystemClock clock_;
    Random random_;
    std::unique_ptr<CutProxy> proxy_;
    std::map<uint64_t, int> proxy_ports_;                     // by store
    std::map<uint64_t, std::unique_ptr<TortureDisk>> disks_;  // by store
    PowerCutOutcome power_cuts_{};
    std::map<uint64_t, std::unique_ptr<SmallDisk>> small_disks_;  // the same
    std::unique_ptr<TestCluster> cluster_;
    std::unique_ptr<Workload> workload_;
    std::map<std::string, FaultRecord> records_;
    uint64_t next_store_ = 4;
};

}  // namespace timber::process
