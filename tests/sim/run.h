#pragma once
// One run of timber_sim: a cluster under a seed, clients, troubles; then calm, in which everything
// must come right again within a stated time; then the histories are checked.
//
// Thread:     one.
// Failure:    broken() (replicated_log.h).
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/client.h"
#include "tests/sim/cluster.h"
#include "tests/sim/profile.h"

namespace timber::sim {

// Once troubles are over, everything that waits is answered, and every Region takes writes and
// reads again, within so many ticks; and so many later all replicas are equal.
inline constexpr uint64_t kRecoveryTicks = 800;

// What happened, summed over runs.
struct Totals {
    uint64_t runs = 0;
    uint64_t steps = 0;
    uint64_t writes_done = 0;
    uint64_t reads_done = 0;
    uint64_t unknown = 0;
    uint64_t refused = 0;
    uint64_t reads_in_partition = 0;
    uint64_t membership_changes = 0;
    uint64_t entries = 0;
    uint64_t messages = 0;
    uint64_t overtaken = 0;
    uint64_t searched_runs = 0;
    uint64_t lease_runs = 0;
    MachineCounts machines{};
    std::array<uint64_t, kTroubles> trouble_runs{};
    uint64_t operations() const { return writes_done + reads_done; }
    uint64_t crashes() const { return machines.process_deaths + machines.power_cuts; }
};

class Run {
  public:
    explicit Run(uint64_t seed);
    ~Run();
    // Adds to `totals`. `percent` of the usual length.
    void play(Totals& totals, uint64_t percent = 100);
    uint64_t trace_hash() const;

  private:
    // run.cc
    ClusterOptions cluster_options();
    void turn_calm();
    void start_watching();
    void watch_all();
    void expect_progress(const char* when);
    void expect_convergence();
    bool converged();
    // Prints what every Store says of itself, then broken().
    [[noreturn]] void stuck(const std::string& what);
    void lose_all_power();
    void end();
    void add_up(Totals& totals);

    // run_clients.cc
    void start_clients();
    void play_client(size_t number);
    void client_turn(Client& client, size_t number);
    void client_write(Client& client, const std::string& key, size_t place);
    std::string draw_key();
    std::string draw_value(const std::string& key);
    memtable::Family draw_family();
    raftstore::RequestHeader draw_header(const std::string& key, size_t place);
    void final_client(bool& done);

    // run_troubles.cc
    void start_troubles();
    void make_trouble();
    void make(Trouble trouble);
    void happened(Trouble trouble) { trouble_happened_[static_cast<size_t>(trouble)] = true; }
    void supervise();
    void bring_back(size_t place);
    void cut(bool one_way);
    void cut_leader();
    void heal_later();
    void thin_majority();
    std::vector<size_t> cut_minority();
    void leave_with(const std::vector<size_t>& minority, size_t one);
    void freeze_leader();
    void kill(size_t place, Death death);
    void all_lose_power();
    void trap(Trouble trouble, std::string path);
    void stall(size_t place, const std::string& path);
    void break_disk(size_t place);
    void fill_disk(size_t place, Duration at_least = std::chrono::milliseconds(100));
    void empty_disk(size_t place);
    void pause(size_t place);
    std::optional<size_t> any_up();
    std::optional<size_t> leader_of(raftstore::RegionId region);
    Death draw_death() { return random_.one_in(2) ? Death::kPowerCut : Death::kProcessDeath; }

    // run_members.cc
    void start_members();
    void wipe_one();
    void lose_disk(size_t place);
    void operate();
    void operate_on(raftstore::RegionId region);
    void change(size_t leader, const raftstore::Region& region, raft::ConfChangeType type,
                const raftstore::PeerMeta& peer);
    void transfer(raftstore::RegionId region);

    Random random_;
    const Profile profile_;
    std::unique_ptr<Cluster> cluster_;
    std::unique_ptr<Recorder> recorder_;
    std::vector<std::unique_ptr<Client>> clients_;
    bool calm_ = false;
    bool clients_stop_ = false;
    bool over_ = false;
    std::array<bool, kTroubles> trouble_happened_{};
    std::vector<Instant> restart_at_;  // of machines that are down; zero: not decided
    std::vector<bool> retired_;        // never started again
    std::vector<bool> full_;
    std::optional<size_t> wiped_;
    bool members_free_ = false;  // membership may change in any way
    uint64_t last_peer_ = 0;
    uint64_t last_value_ = 0;
    uint64_t cut_number_ = 0;
    uint64_t reads_in_partition_ = 0;
    Totals totals_;
};

}  // namespace timber::sim
