#pragma once
// A cluster under a seed: virtual time, a network and disks that misbehave, clients, and faults.
//
// One event is one step. Everything is drawn from the seed, and every event goes into the trace's
// hash, so that two runs of a seed can be compared.
#include <map>
#include <optional>
#include <vector>

#include "src/base/random.h"
#include "tests/raft/sim/sim_node.h"
#include "tests/raft/sim/sim_oracle.h"
#include "tests/raft/sim/sim_profile.h"

namespace timber::raft::sim {

// What happened, summed over runs; floors are asserted on these.
struct Counts {
    uint64_t steps = 0;
    uint64_t runs = 0;
    uint64_t elections = 0;
    uint64_t conflicts = 0;       // writes that cut entries given out before
    uint64_t snapshots = 0;       // installed
    uint64_t changes = 0;         // of membership, committed
    uint64_t changes_passed = 0;  // applied while a snapshot that holds them is pending
    uint64_t destroyed = 0;       // nodes that were removed and are needed no longer
    uint64_t crashes = 0;
    uint64_t crashes_in_flight = 0;  // with writes on their way
    uint64_t leaders_lost = 0;       // with proposals in flight
    uint64_t transfers = 0;
    uint64_t writes_done = 0;
    uint64_t reads_done = 0;
    uint64_t forwarded_reads_done = 0;
    uint64_t lease_reads_done = 0;
    uint64_t lease_reads_refused = 0;
    uint64_t reads_in_partition = 0;
    uint64_t proposals_overwritten = 0;
    uint64_t proposals_passed = 0;
    uint64_t nonsense = 0;
    uint64_t recovery_ticks_max = 0;
    std::array<uint64_t, kFaultCount> fault_runs{};
    uint64_t lease_runs = 0;
    uint64_t mixed_lease_runs = 0;
};

class Cluster {
  public:
    Cluster(uint64_t seed, Counts& counts);

    // `steps` events with faults, then recovery. Ends the process if a rule is broken.
    void run(uint64_t steps);
    uint64_t trace_hash() const { return trace_; }

  private:
    enum class EventKind : uint8_t {
        kTick,
        kMessage,
        kDisk,
        kReport,
        kProcess,
        kApply,
        kClient,
        kFault,
        kRestart,
        kHeal,
        kLeaseDone,
        kDeafen,
        kMute,
        kCrash,
        kReadable,
        kCampaign,
        kFlip,
        kCompact,
        kDestroy,
    };
    struct Event {
        EventKind kind{};
        size_t node = 0;
        uint64_t life = 0;
        uint64_t number = 0;
        Message message{};
    };

    // sim_cluster.cc
    void schedule(uint64_t at_us, Event event);
    void step();
    void run_event(Event& event);
    void trace(uint64_t a, uint64_t b);
    void start_node(SimNode& node);
    void look_at(SimNode& node);
    void look_at_leader(SimNode& node, const NodeStatus& status);
    void check_commit_on_disks(const SimNode& node, const NodeStatus& status);
    void end_faults();
    // How long everything may take to be well again, once faults have ended.
    uint64_t recovery_ticks_max() const;
    void check_progress_made();
    size_t place(const SimNode& node) const { return node.id.value() - 1; }

    // sim_driver.cc: what a server does with a Ready
    void on_tick(SimNode& node);
    void on_message(SimNode& node, Message message);
    void on_disk(SimNode& node);
    void on_report(SimNode& node, WriteNumber number);
    void process(SimNode& node);
    void process_soon(SimNode& node);
    void take_write(SimNode& node, Write write);
    void take_committed(SimNode& node, std::vector<Entry> entries);
    void take_answers(SimNode& node, const Ready& ready);
    void apply(SimNode& node, size_t count);
    void apply_later(SimNode& node, uint64_t within_us);
    void apply_entry(SimNode& node, const Entry& entry);
    void serve_reads(SimNode& node);
    void check_entries(const SimNode& node, const std::vector<Entry>& entries, Term previous_term);
    void note_vote_request(SimNode& node, const Message& message);
    void check_grant(SimNode& node, const Message& message);
    void send(SimNode& from, const Message& message);

    // sim_faults.cc: clients and trouble
    void on_client();
    void client_write(SimNode& node);
    void client_read(SimNode& node);
    void client_lease_read(SimNode& node);
    void finish_lease_read(SimNode& node);
    void on_fault();
    void cut_network();
    void cut_pairs();
    void cut_leader(const SimNode& leader);
    void heal_later(uint64_t ticks_max);
    void deafen(const SimNode& node);
    void mute(const SimNode& node);
    void plot(SimNode& leader);
    void plot_lost_follower(SimNode& leader);
    void plot_members(SimNode& leader);
    bool plot_pair(SimNode& leader);
    void flip_member(SimNode& leader);
    void soon(EventKind kind, const SimNode& node, uint64_t from_us, uint64_t to_us);
    void draw_links();
    void heal_network();
    bool network_cut() const;
    void crash(SimNode& node, uint64_t down_us_max);
    void change_membership(SimNode& leader, NodeId target);
    void destroy_removed(const SimNode& leader);
    void compact(SimNode& node);
    void report_something();
    void make_unreadable(SimNode& node);
    void make_readable(SimNode& node);
    void send_nonsense();
    SimNode* any_leader();
    SimNode* leader_by_term(bool latest);
    SimNode& any_voter(SimNode& leader);
    SimNode& any_node() { return nodes_[random_.below(nodes_.size())]; }

    Random random_;
    const Profile profile_;
    uint32_t may_go_ = 0;  // so many nodes may still be destroyed
    Counts& counts_;
    Oracle oracle_;
    std::vector<SimNode> nodes_;
    std::multimap<uint64_t, Event> events_;
    uint64_t now_us_ = 0;
    uint64_t steps_ = 0;
    uint64_t trace_ = 0;
    bool calm_ = false;                               // no more faults
    std::vector<std::vector<bool>> blocked_;          // from, to
    std::vector<std::vector<uint64_t>> link_us_max_;  // from, to
    size_t slow_disk_node_ = 0;
    LogIndex last_change_{};  // the newest change of membership that was applied anywhere
    uint64_t cut_ = 0;        // numbers the cuts of the network
    uint64_t no_writes_until_us_ = 0;
    uint64_t next_value_ = 1;
    uint64_t next_read_ = 1;
};

}  // namespace timber::raft::sim
