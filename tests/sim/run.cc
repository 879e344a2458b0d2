// The course of a run.
#include "tests/sim/run.h"

#include <algorithm>
#include <cstdio>

#include "src/base/assert.h"

namespace timber::sim {

using namespace std::chrono_literals;
using raftstore::RegionId;

static constexpr Duration kTick = 10ms;
// A run takes some fifty thousand.
static constexpr uint64_t kStepsMax = 2'000'000;

template <typename Id>
static unsigned long long as_number(Id id) {
    return id.value();
}

ClusterOptions Run::cluster_options() {
    ClusterOptions options{
        .seed = random_.next(), .machines = profile_.machines, .members = profile_.voters};
    for (size_t region = 2; region <= profile_.regions; ++region) {
        options.splits.push_back(std::to_string(region));
    }
    options.steps_max = kStepsMax;
    const uint64_t gc_entries = random_.between(5, 50);
    const bool tiny = random_.one_in(3);
    options.tune = [this, gc_entries, tiny](raftstore::StoreOptions& store) {
        store.tick = kTick;
        store.lease_reads = profile_.leases;
        store.clock_drift_per_mille_max = profile_.leases ? 50 : 0;
        if (profile_.log_gc_tight) {
            store.log_gc_entries = gc_entries;
            store.log_gc_lag_entries_max = gc_entries + 2;
        }
        if (profile_.slow_state) store.engine.state.memory_table_bytes = 8_KiB;
        if (tiny) {
            store.proposals_max = 4;
            store.commands_queued_max = 8;
            store.append_bytes_max = 1_KiB;
            store.scan_bytes_max = 16_KiB;
        }
    };
    options.disk.direct_io_supported = !random_.one_in(4);
    return options;
}

Run::Run(uint64_t seed)
    : random_(seed),
      profile_(Profile::draw(random_)),
      cluster_(std::make_unique<Cluster>(cluster_options())),
      recorder_(std::make_unique<Recorder>(*cluster_)),
      restart_at_(profile_.machines),
      retired_(profile_.machines),
      full_(profile_.machines) {}

Run::~Run() = default;

uint64_t Run::trace_hash() const { return cluster_->trace_hash(); }

void Run::play(Totals& totals, uint64_t percent) {
    cluster_->start_all();
    supervise();
    start_watching();
    start_clients();
    cluster_->run_for(200ms);
    start_troubles();
    start_members();
    cluster_->run_for(profile_.length * static_cast<int64_t>(percent) / 100);
    turn_calm();
    expect_progress("after the troubles");
    if (random_.one_in(2)) lose_all_power();
    expect_convergence();
    end();
    add_up(totals);
}

void Run::turn_calm() {
    calm_ = true;
    SimNetwork& network = cluster_->network();
    ++cut_number_;
    network.heal();
    network.faults = NetworkFaults{};
    for (size_t place = 0; place < cluster_->machines(); ++place) {
        empty_disk(place);
        Machine& machine = cluster_->machine(place);
        machine.clear_trap();
        restart_at_[place] = {};
        if (machine.state() != Machine::State::kUp) continue;
        machine.disk().clear_faults();
        machine.loop().set_paused(false);
    }
    // A Store that was wiped and is still running is given up now.
    if (wiped_ && !retired_[*wiped_]) {
        retired_[*wiped_] = true;
        kill(*wiped_, Death::kProcessDeath);
    }
    members_free_ = true;
}

void Run::start_watching() {
    if (over_) return;
    cluster_->at(40ms, [this] { start_watching(); });
    watch_all();
}

void Run::watch_all() {
    for (size_t place = 0; place < cluster_->machines(); ++place) {
        Machine& machine = cluster_->machine(place);
        if (!machine.up()) continue;
        machine.watch();
        if (profile_.slow_state && !calm_ && random_.one_in(6)) stall(place, "/state/");
        if (random_.one_in(8)) machine.check_all_states();
    }
}

void Run::expect_progress(const char* when) {
    bool done = false;
    cluster_->spawn([&] { final_client(done); });
    const bool all = cluster_->run_until([&] { return done; }, kTick * kRecoveryTicks);
    if (!all) stuck(std::string("no progress within the stated ticks ") + when);
    clients_stop_ = true;
    const bool answered = cluster_->run_until(
        [&] {
            for (size_t place = 0; place < cluster_->machines(); ++place) {
                if (cluster_->machine(place).callbacks_open() > 0) return false;
            }
            return true;
        },
        kTick * kRecoveryTicks);
    if (!answered) stuck(std::string("something was never answered ") + when);
}

void Run::stuck(const std::string& what) {
    for (size_t place = 0; place < cluster_->machines(); ++place) {
        Machine& machine = cluster_->machine(place);
        std::fprintf(stderr, "Store %zu: state %d, %zu callbacks%s%s\n", place + 1,
                     static_cast<int>(machine.state()), machine.callbacks_open(),
                     retired_[place] ? ", retired" : "", machine.failed() ? ", failed" : "");
        if (!machine.up()) continue;
        for (const raftstore::PeerStatus& peer : machine.store().status().peers) {
            const raft::NodeStatus& raft = peer.raft;
            std::fprintf(stderr,
                         "  Region %llu peer %llu: state %d role %d term %llu commit %llu last "
                         "%llu durable %llu handed over %llu applied %llu truncated %llu "
                         "conf_ver %llu%s%s\n",
                         as_number(peer.region.id), as_number(peer.peer.id),
                         static_cast<int>(peer.state), static_cast<int>(raft.soft.role),
                         as_number(raft.hard.term), as_number(raft.hard.commit),
                         as_number(raft.last_index), as_number(raft.durable_index),
                         as_number(raft.handed_over), as_number(raft.applied),
                         as_number(peer.truncated.index),
                         static_cast<unsigned long long>(peer.region.epoch.conf_ver),
                         peer.installing ? ", installing" : "", raft.leaving ? ", leaving" : "");
            for (const raftstore::PeerMeta& member : peer.region.peers) {
                std::fprintf(stderr, "    member %llu on Store %llu%s\n", as_number(member.id),
                             as_number(member.store), member.learner ? ", learner" : "");
            }
        }
    }
    broken(what);
}

// Every member of every Region has applied the same, and the leader's whole log.
bool Run::converged() {
    for (const raftstore::Region& each : cluster_->regions()) {
        const auto leader = leader_of(each.id);
        if (!leader) return false;
        const auto status = cluster_->machine(*leader).peer(each.id);
        if (!status) return false;
        for (const raftstore::PeerMeta& member : status->region.peers) {
            Machine& machine = cluster_->machine(member.store.value() - 1);
            if (retired_[machine.place()]) {
                if (wiped_) return false;  // it is still to be removed
                continue;
            }
            if (!machine.up()) return false;
            const auto peer = machine.peer(each.id);
            if (!peer || peer->raft.applied != status->raft.last_index || peer->installing)
                return false;
        }
    }
    return true;
}

void Run::expect_convergence() {
    Instant next{};
    bool equal = false;
    const auto is_equal = [&] {
        if (cluster_->world().now() < next) return false;
        next = cluster_->world().now() + kTick;
        return equal = converged();
    };
    if (!cluster_->run_until(is_equal, kTick * kRecoveryTicks)) {
        stuck("replicas are not equal within the stated ticks");
    }
    watch_all();
    for (size_t place = 0; place < cluster_->machines(); ++place) {
        if (cluster_->machine(place).up()) cluster_->machine(place).check_all_states();
    }
    cluster_->run_for(kTick);
}

void Run::lose_all_power() {
    all_lose_power();
    expect_progress("after all had lost power");
}

void Run::end() {
    over_ = true;
    for (size_t place = 0; place < cluster_->machines(); ++place) {
        if (cluster_->machine(place).up()) cluster_->bring_down(place, std::nullopt);
    }
    cluster_->shut_down();
    const bool search = random_.one_in(4);
    if (search) ++totals_.searched_runs;
    recorder_->check({.by_search = search});
}

void Run::add_up(Totals& totals) {
    ++totals.runs;
    totals.steps += cluster_->world().steps();
    totals.writes_done += recorder_->writes_done();
    totals.reads_done += recorder_->reads_done();
    totals.unknown += recorder_->unknown();
    totals.refused += recorder_->refused();
    totals.reads_in_partition += reads_in_partition_;
    totals.membership_changes += cluster_->log().membership_changes();
    totals.entries += cluster_->log().entries();
    totals.messages += cluster_->network().delivered();
    totals.overtaken += cluster_->network().overtaken();
    totals.searched_runs += totals_.searched_runs;
    totals.lease_runs += profile_.leases ? 1 : 0;
    totals.machines += cluster_->counts();
    for (size_t i = 0; i < kTroubles; ++i) totals.trouble_runs[i] += trouble_happened_[i] ? 1 : 0;
}

}  // namespace timber::sim
