#include "tests/process/torture_rig.h"

#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace timber::process {

namespace {

using namespace std::chrono_literals;

// Good histories take a few steps for each operation.
constexpr uint64_t kSearchSteps = 5'000'000;
constexpr uint64_t kSmallDiskBytes = 160 << 20;

ClusterOptions cluster_options(const RigOptions& options) {
    ClusterOptions cluster{.directory = options.directory};
    // Small, so that a run of seconds cuts its log, flushes and switches segments.
    cluster.flags = {"--raft.log_gc_interval=500ms",     "--raft.log_gc_entries=200",
                     "--raft.log_gc_bytes=64KiB",        "--raft.log_gc_lag_entries_max=1000",
                     "--raft.log_gc_lag_bytes_max=1MiB", "--storage.log_segment_bytes=1MiB"};
    if (options.small_disks) {
        cluster.flags.push_back("--storage.memory_table_bytes=1MiB");
        cluster.flags.push_back("--storage.log_bytes_max=64MiB");
    }
    if (options.leases) {
        cluster.flags.push_back("--raft.lease_reads=true");
        cluster.flags.push_back("--raft.clock_drift_per_mille_max=10");
    }
    return cluster;
}

}  // namespace

TortureRig::TortureRig(const RigOptions& options) : options_(options), random_(options.seed) {
    ClusterOptions cluster = cluster_options(options);
    if (options.proxied) {
        proxy_ = std::make_unique<CutProxy>(random_.next());
        cluster.peer_address = [this](const ServerPlace& place) {
            int& port = proxy_ports_[place.store];
            if (port == 0) port = proxy_->add(place.store, place.peer_port);
            return "127.0.0.1:" + std::to_string(port);
        };
    }
    if (options.torture_disks) {
        cluster.program = TIMBER_TORTURE_SERVER_PROGRAM;
        cluster.environment = [this](const ServerPlace& place) { return environment_of(place); };
    }
    cluster_ = std::make_unique<TestCluster>(std::move(cluster));
    for (size_t i = 0; options.small_disks && i < size(); ++i) {
        const ServerPlace& place = server(i).place();
        small_disks_[place.store] =
            std::make_unique<SmallDisk>(place.directory + "/data", kSmallDiskBytes);
    }
}

std::vector<std::string> TortureRig::environment_of(const ServerPlace& place) {
    const std::string disk = TortureDisk::make(place.directory + "/keep");
    disks_[place.store] = std::make_unique<TortureDisk>(disk);
    std::vector<std::string> environment{"TIMBER_TORTURE_DISK=" + disk};
    if (!options_.mistake.empty())
        environment.push_back("TIMBER_TORTURE_MISTAKE=" + options_.mistake);
    return environment;
}

TortureRig::~TortureRig() = default;

void TortureRig::start(size_t i) {
    ServerProcess& one = server(i);
    one.start();
    if (proxied()) proxy_->set_process(one.place().store, one.pid());
}

void TortureRig::kill(size_t i) { server(i).kill(); }

void TortureRig::lose_power(size_t i) {
    const PowerCutOutcome outcome =
        disks_.at(server(i).place().store)->power_cut().roll_back(random_.next());
    power_cuts_.writes_kept += outcome.writes_kept;
    power_cuts_.writes_undone += outcome.writes_undone;
    power_cuts_.writes_torn += outcome.writes_torn;
    power_cuts_.names_undone += outcome.names_undone;
}

void TortureRig::delay_syncs(size_t i, Duration delay) {
    disks_.at(server(i).place().store)->sync_delay_ms() =
        static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(delay).count());
}

void TortureRig::end(size_t i) {
    ServerProcess& one = server(i);
    one.expect_alive();
    one.signal(SIGTERM);
    const int code = one.wait();
    if (code != 0)
        fail("SIGTERM ended store " + std::to_string(one.place().store) + " with " +
             std::to_string(code));
}

void TortureRig::expect_reads() {
    client::Options options{.endpoints = cluster_->endpoints()};
    options.time_limit = 30s;
    auto client = client::Client::connect(options);
    if (!client) fail("no client: " + client.error().to_string());
    const client::Answer answer = client::Client::wait(
        [&](client::Client::Done done) { (*client)->get("no such key", std::move(done)); });
    if (answer.outcome != client::Outcome::kDone) fail("a read: " + answer.error);
}

size_t TortureRig::leader_or_any() { return random_.one_in(2) ? cluster_->leader() : any_server(); }

void TortureRig::pause(Duration shortest, Duration longest) {
    std::this_thread::sleep_for(Duration(static_cast<int64_t>(random_.between(
        static_cast<uint64_t>(shortest.count()), static_cast<uint64_t>(longest.count())))));
}

void TortureRig::begin() {
    cluster_->format();
    for (size_t i = 0; i < size(); ++i) start(i);
    WorkloadOptions options{.endpoints = cluster_->endpoints(), .seed = random_.next()};
    workload_ = std::make_unique<Workload>(options);
    workload_->start();
    workload_->wait_for_write();
}

void TortureRig::round(const std::string& name, const std::function<void(TortureRig&)>& fault) {
    workload_->next_era();
    pause(100ms, 500ms);
    const Instant begin = clock_.now();
    fault(*this);
    const Instant end = workload_->wait_for_write();
    for (size_t i = 0; i < size(); ++i) server(i).expect_alive();
    FaultRecord& record = records_[name];
    ++record.rounds;
    record.unavailable = std::max(record.unavailable, workload_->longest_gap(begin, end));
}

void TortureRig::finish() {
    workload_->stop();
    restart_all();
    for (size_t i = 0; i < size(); ++i) read_all_through(i);
    check_history();
    for (size_t i = 0; i < size(); ++i) end(i);
    small_disks_.clear();
    std::filesystem::remove_all(options_.directory);
}

void TortureRig::restart_all() {
    for (size_t i = 0; i < size(); ++i) kill(i);
    for (size_t i = 0; i < size(); ++i) start(i);
    cluster_->wait_until_equal();
}

void TortureRig::read_all_through(size_t i) {
    const std::string store = std::to_string(server(i).place().store);
    wait_until("store " + store + " leads", [&] {
        if (cluster_->leader() == i) return true;
        // Not done, if it has to catch up first: asked again.
        cluster_->ctl({"transfer-leader", store, "--timeout", "2s"});
        return false;
    });
    auto client = client::Client::connect({.endpoints = {server(i).place().client_address()}});
    if (!client) fail("no client: " + client.error().to_string());
    workload_->read_all(**client);
    if (cluster_->leader() != i)
        fail("store " + store + " led, undisturbed, and does not any more");
}

void TortureRig::check_history() {
    // For people, if it is not good.
    std::ofstream text(options_.directory + "/history");
    for (const sim::Operation& operation : workload_->history())
        text << sim::describe(operation) << "\n";
    text.close();
    const Instant begin = clock_.now();
    const sim::Verdict verdict = sim::check_by_search(workload_->history(), kSearchSteps);
    const double seconds = std::chrono::duration<double>(clock_.now() - begin).count();
    std::printf("checked %zu operations in %.2f s, %llu steps\n", workload_->history().size(),
                seconds, static_cast<unsigned long long>(verdict.steps));
    if (!verdict.good) fail(options_.directory + "/history: " + verdict.why);
}

}  // namespace timber::process
