#include "tests/sim/cluster.h"

#include <algorithm>
#include <utility>

#include "src/base/assert.h"

namespace timber::sim {

using namespace std::chrono_literals;
using raftstore::Region;
using raftstore::Response;
using raftstore::StoreOptions;

static constexpr raftstore::ClusterId kClusterId{77};

StoreOptions small_options() {
    StoreOptions options;
    options.engine.directory = "store";
    options.engine.log.segment_bytes = 64_KiB;
    options.engine.log.pending_bytes_max = 1_MiB;
    options.engine.log.group_bytes_target = 16_KiB;
    options.engine.log.recovery_read_bytes = 16_KiB;
    options.engine.log_bytes_max = 1_MiB;
    options.engine.entry_cache_bytes = 32_KiB;
    options.engine.recovery_bytes_max = 128_KiB;
    options.engine.state.memory_table_bytes = 24_KiB;
    options.engine.state.block_cache_bytes = 64_KiB;
    options.engine.state.level1_bytes = 128_KiB;
    options.engine.state.manifest_bytes_max = 8_KiB;
    options.engine.state.retry_delay = 50ms;
    options.engine.log.space_retry_delay = 50ms;
    for (memtable::FamilyOptions& family : options.engine.state.families) {
        family.block_bytes = 512;
        family.table_bytes_target = 16_KiB;
    }
    options.tick = 10ms;
    options.election_ticks = 10;
    options.heartbeat_ticks = 2;
    options.commands_queued_max = 256;
    options.proposals_max = 128;
    options.log_gc_interval = 50ms;
    options.log_gc_entries = 60;
    options.log_gc_bytes = 64_KiB;
    options.log_gc_lag_entries_max = 120;
    options.log_gc_lag_bytes_max = 128_KiB;
    options.snapshot_chunk_bytes = 2_KiB;
    options.snapshot_idle_timeout = 300ms;
    return options;
}

Cluster::Cluster(const ClusterOptions& options)
    : options_(options),
      world_(options.seed, options.world),
      network_(world_, options.machines),
      incarnations_(options.machines, 1),
      clocks_(options.machines, 1000),
      disks_(options.machines, options.disk),
      formed_(options.machines) {
    network_.faults = options.network;
    std::string start;
    for (size_t i = 0; i <= options.splits.size(); ++i) {
        Region region{.id = raftstore::RegionId(i + 1), .start_key = start, .epoch = {1, 1}};
        if (i < options.splits.size()) region.end_key = options.splits[i];
        start = region.end_key;
        for (size_t place = 0; place < options.members; ++place) {
            region.peers.push_back({.id = raftstore::PeerId(place + 1),
                                    .store = raftstore::StoreId(place + 1),
                                    .address = SimNetwork::address_of(place)});
        }
        regions_.push_back(std::move(region));
    }
    for (size_t place = 0; place < options.machines; ++place) {
        machines_.push_back(std::make_unique<Machine>(
            Machine::Surroundings{world_, network_, log_, counts_}, place));
    }
}

Cluster::~Cluster() { TIMBER_ASSERT_OP(scripts_running_, ==, 0u); }

const Region& Cluster::region_of(const std::string& key) const {
    for (const Region& each : regions_) {
        if (each.contains(key)) return each;
    }
    TIMBER_UNREACHABLE();
}

void Cluster::start(size_t place) {
    StoreOptions options = small_options();
    if (options_.tune) options_.tune(options);
    options.seed = world_.random().next();
    options.engine.seed = world_.random().next();
    options.expected_cluster = kClusterId;
    options.expected_store = machine(place).store_id();
    if (!formed_[place] || machine(place).image().paths().empty()) {
        options.formation = raftstore::Formation{
            {kClusterId, machine(place).store_id(), raftstore::Incarnation(incarnations_[place])},
            regions_};
        formed_[place] = false;
    }
    machine(place).start(std::move(options), disks_[place], clocks_[place]);
}

void Cluster::start_all() {
    for (size_t place = 0; place < machines(); ++place) {
        if (machine(place).state() == Machine::State::kDown) start(place);
    }
}

void Cluster::bring_down(size_t place, std::optional<Death> death) {
    Machine& one = machine(place);
    if (death) {
        one.die(*death);
    } else {
        one.stop();
    }
    if (!run_until([&] { return one.state() == Machine::State::kDown; }, 60s)) {
        broken("a Store does not come to its end");
    }
}

void Cluster::wipe(size_t place) {
    machine(place).wipe();
    formed_[place] = false;
    ++incarnations_[place];
}

void Cluster::turn() {
    if (world_.steps() > options_.steps_max) broken("a storm: steps without end");
    if (!world_.step() && due_.empty()) {
        // Nothing is left that could ever happen: time goes on all the same.
        world_.schedule(world_.now() + 1ms, [] {});
    }
    while (!due_.empty()) {
        const std::function<void()> function = std::move(due_.front());
        due_.pop_front();
        function();
    }
    for (const auto& each : machines_) {
        const bool opening = each->state() == Machine::State::kOpening;
        if (!opening && each->state() != Machine::State::kUnwinding) continue;
        each->poll();
        if (opening && each->up()) formed_[each->place()] = true;
    }
}

bool Cluster::run_until(const std::function<bool()>& predicate, Duration limit) {
    const Instant end = world_.now() + limit;
    while (!predicate()) {
        if (world_.now() >= end) return false;
        turn();
    }
    return true;
}

void Cluster::run_for(Duration duration) {
    const Instant end = world_.now() + duration;
    world_.schedule(end, [] {});
    while (world_.now() < end) turn();
}

void Cluster::spawn(std::function<void()> script) {
    ++scripts_running_;
    world_.executor().run("script", [this, script = std::move(script)] {
        script();
        --scripts_running_;
    });
}

void Cluster::run_script(std::function<void()> script, Duration limit) {
    bool over = false;
    spawn([&] {
        script();
        over = true;
    });
    if (!run_until([&] { return over; }, limit)) broken("a script does not come to its end");
}

void Cluster::at(Duration delay, std::function<void()> function) {
    world_.schedule(world_.now() + delay, [this, function = std::move(function)]() mutable {
        due_.push_back(std::move(function));
    });
}

void Cluster::between_steps(std::function<void()> function) {
    SimFiber* const self = world_.current_job();
    TIMBER_ASSERT(self != nullptr);
    due_.push_back([this, self, &function] {
        function();
        world_.wake(*self);
    });
    world_.park();
}

Duration Cluster::client_delay() {
    return Duration(world_.random().between(
        20'000,
        static_cast<uint64_t>(std::max<Duration>(options_.client_delay_max, 20us).count())));
}

Cluster::Called Cluster::call(size_t place, raftstore::Request request, Duration timeout,
                              std::function<void(const Response&)> on_answer) {
    sleep(client_delay());
    // Owners: the waiting script, the callback, and the time limit.
    auto call = std::make_shared<Call>();
    call->waiter = world_.current_job();
    Called called;
    called.sent =
        machine(place).submit(std::move(request), [this, call, on_answer](Response response) {
            if (on_answer) on_answer(response);
            response.snap.reset();  // on_answer had its chance; the Store may be gone soon
            if (call->over) return;
            call->over = true;
            call->response = std::move(response);
            world_.wake(*call->waiter);
        });
    if (!called.sent) {
        sleep(client_delay());
        return called;
    }
    const Instant limit = world_.now() + timeout;
    const uint64_t number = world_.schedule(limit, [this, call] {
        if (call->over) return;
        call->over = true;
        world_.wake(*call->waiter);
    });
    world_.park();
    world_.cancel(limit, number);
    sleep(client_delay());
    called.response = std::move(call->response);
    return called;
}

void Cluster::shut_down() {
    for (const auto& each : machines_) {
        if (each->state() == Machine::State::kOpening || each->state() == Machine::State::kUp) {
            each->die(Death::kProcessDeath);
        }
    }
    const bool ended = run_until(
        [&] {
            return scripts_running_ == 0 && std::ranges::all_of(machines_, [](const auto& each) {
                       return each->state() == Machine::State::kDown;
                   });
        },
        120s);
    if (!ended) broken("the cluster does not come to its end");
    world_.run_until_idle();
}

}  // namespace timber::sim
