// Hostile input to every port of running servers, while a well-behaved client works: a cluster of
// one, a cluster of three, and a Store whose fellow members lie. Whatever arrives, the servers
// live, serve, keep what they acknowledged, stay within a bound of memory that follows from their
// configuration, and end with 0; and a sanitizer, where they are built with one, has nothing to
// say.
//
//   hostile_round --seed S --seconds N [--only ATTACK]
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "src/base/bytes.h"
#include "src/platform/system_clock.h"
#include "tests/process/hostile/attackers.h"
#include "tests/process/hostile/byzantine.h"
#include "tests/process/hostile/witness.h"
#include "tests/support/server_process.h"

namespace timber::hostile {

namespace {

using process::ClusterOptions;
using process::fail;
using process::ServerPlace;
using process::ServerProcess;
using process::TestCluster;

constexpr uint64_t kCluster = 77;  // TestCluster's
constexpr size_t kAttackingThreads = 2;
// So many attacks a second are the least that a run is worth.
constexpr double kAttacksPerSecondMin = 0.5;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// What the servers are allowed: small enough for attacks to reach it.
const std::vector<std::string> kLimits{
    "--server.call_bytes_max=64MiB",     "--server.shutdown_limit=2s",
    "--server.connections_max=400",      "--limits.value_bytes_max=1MiB",
    "--raft.uncommitted_bytes_max=8MiB", "--raft.peer_queue_bytes_max=8MiB",
    "--storage.block_cache_bytes=8MiB",  "--storage.memory_table_bytes=8MiB",
    "--storage.entry_cache_bytes=8MiB",  "--storage.log_segment_bytes=8MiB"};

// What a server with these limits may have used of memory at its worst.
constexpr size_t kProgramBytes = 64_MiB;       // code, threads, what gRPC has for itself
constexpr size_t kCallBytes = 3 * 64_MiB;      // server.call_bytes_max: requests, answers
constexpr size_t kPeerBytes = 4 * 80_MiB;      // the quota for what other servers send
constexpr size_t kStorageBytes = 3 * 8_MiB     // block cache, entry cache, uncommitted
                                 + 4 * 8_MiB   // memory tables: one in use, others being flushed
                                 + 2 * 64_MiB  // the log: its largest batch, waiting and in flight
                                 + 3 * 8_MiB;  // lanes to others
constexpr size_t kConnectionBytes = (400 + 256) * 256_KiB;
constexpr size_t kMemoryMax =
    kProgramBytes + kCallBytes + kPeerBytes + kStorageBytes + kConnectionBytes;
// The address sanitizer puts room around what is allocated, and keeps for a while what was freed.
constexpr size_t kQuarantineBytes = 64_MiB;
constexpr size_t kMemoryLimit = kSanitized ? 2 * kMemoryMax + kQuarantineBytes : kMemoryMax;

// Nobody may fill a disk with a server's complaints about him.
constexpr size_t kLogBytesMax = 64_KiB;

struct Options {
    uint64_t seed = 1;
    double seconds = 6;
    std::string only{};  // a part of the names of the attacks that are played; empty: all
};

std::string mib(size_t bytes) { return std::to_string(bytes / 1_MiB) + " MiB"; }

size_t memory_peak(const ServerProcess& server) {
    std::ifstream status("/proc/" + std::to_string(server.pid()) + "/status");
    for (std::string word; status >> word;) {
        if (word != "VmHWM:") continue;
        size_t kib = 0;
        status >> kib;
        return kib * 1_KiB;
    }
    fail("no memory use in /proc");
}

// Fails if a server ended, or took more memory than it may; the largest peak.
size_t look_at(TestCluster& cluster) {
    size_t largest = 0;
    for (size_t i = 0; i < cluster.size(); ++i) {
        ServerProcess& server = cluster.server(i);
        if (!server.running()) continue;
        server.expect_alive();
        largest = std::max(largest, memory_peak(server));
    }
    if (largest > kMemoryLimit)
        fail("a server used " + mib(largest) + " of memory, and " + mib(kMemoryLimit) +
             " is the most that its configuration allows");
    return largest;
}

// What sanitizers and assertions say goes to the log as well.
void expect_clean_log(const ServerProcess& server) {
    const std::string log = server.log();
    for (const char* words : {"Sanitizer", "runtime error:", "assertion"})
        if (const size_t at = log.find(words); at != std::string::npos)
            fail("the log says: " + log.substr(at > 200 ? at - 200 : 0, 3000));
}

void end_all(TestCluster& cluster) {
    for (size_t i = 0; i < cluster.size(); ++i) {
        ServerProcess& server = cluster.server(i);
        if (!server.running()) continue;
        server.signal(SIGTERM);
        if (const int code = server.wait(); code != 0)
            fail("SIGTERM ended a server with " + std::to_string(code) + ": " + server.log());
        expect_clean_log(server);
    }
}

Target client_target(const ServerPlace& place) {
    return {place.client_port, false, kCluster, place.store};
}
Target peer_target(const ServerPlace& place) {
    return {place.peer_port, true, kCluster, place.store};
}

ClusterOptions options_of(const std::string& name, size_t servers) {
    ClusterOptions options{.directory = std::string(TIMBER_TEST_DIRECTORY) + "/" + name,
                           .servers = servers,
                           .flags = kLimits};
    if (kSanitized)
        options.environment = [](const ServerPlace&) {
            return std::vector<std::string>{"ASAN_OPTIONS=quarantine_size_mb=" +
                                            std::to_string(kQuarantineBytes / 1_MiB)};
        };
    return options;
}

void expect_short_logs(TestCluster& cluster) {
    for (size_t i = 0; i < cluster.size(); ++i) {
        const std::string log = cluster.server(i).log();
        if (log.size() > kLogBytesMax)
            fail("a log has " + std::to_string(log.size()) + " bytes: " + log.substr(0, 3000));
    }
}

// Fewer descriptors than there will be connections: gRPC's own way of accepting ends for good when
// there is none left.
void leave_few_descriptors(const ServerProcess& server) {
    const rlimit few{.rlim_cur = 300, .rlim_max = 300};
    if (::prlimit(server.pid(), RLIMIT_NOFILE, &few, nullptr) != 0) fail("no limit of descriptors");
}

// Attacks from all sides for a while.
void besiege(TestCluster& cluster, const std::vector<Target>& targets, const Options& options,
             double seconds) {
    SystemClock clock;
    const Instant start = clock.now();
    Attackers attackers(targets, options.seed, kAttackingThreads, options.only);
    while (clock.now() - start < std::chrono::duration<double>(seconds)) {
        look_at(cluster);
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    attackers.stop();
    std::printf("  %llu attacks\n", static_cast<unsigned long long>(attackers.played()));
    if (static_cast<double>(attackers.played()) < kAttacksPerSecondMin * seconds)
        fail("too few attacks to show anything");
}

void serves_on(const std::string& name, size_t servers, const Options& options) {
    TestCluster cluster(options_of(name, servers));
    cluster.format();
    cluster.start();
    std::vector<Target> targets;
    for (size_t i = 0; i < servers; ++i) {
        targets.push_back(client_target(cluster.server(i).place()));
        targets.push_back(peer_target(cluster.server(i).place()));
    }
    Witness witness(cluster.endpoints(), options.seed);
    if (servers == 1) leave_few_descriptors(cluster.server(0));
    // Each attack by itself, then whatever the seed gives.
    if (options.only.empty()) Attackers::play_each({targets[0], targets[1]}, options.seed);
    look_at(cluster);
    besiege(cluster, targets, options, options.seconds / 3);
    witness.stop();
    const size_t peak = look_at(cluster);
    witness.expect_everything(cluster.endpoints());
    if (witness.done() == 0 || witness.unknown() * 10 > witness.done())
        fail("the well-behaved client learnt too little: " + std::to_string(witness.done()) +
             " done, " + std::to_string(witness.unknown()) + " unknown");
    end_all(cluster);
    expect_short_logs(cluster);
    // On disk, too.
    cluster.start();
    witness.expect_everything(cluster.endpoints());
    end_all(cluster);
    std::printf(
        "%s: %llu requests of the well-behaved client, %llu unknown, longest %.0f ms; "
        "memory %s of %s\n",
        name.c_str(), static_cast<unsigned long long>(witness.done()),
        static_cast<unsigned long long>(witness.unknown()), witness.longest_ms(), mib(peak).c_str(),
        mib(kMemoryLimit).c_str());
}

void survives_liars(uint64_t seed, double seconds) {
    TestCluster cluster(options_of("liars", 3));
    cluster.format(0);
    ServerProcess& server = cluster.server(0);
    server.start();
    process::wait_until("a server that listens",
                        [&] { return Connection(server.place().peer_port).open(); });
    const uint64_t said = lie_as_members(
        peer_target(server.place()), seed,
        std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
    const size_t peak = look_at(cluster);
    end_all(cluster);
    std::printf("liars: %llu messages; memory %s of %s\n", static_cast<unsigned long long>(said),
                mib(peak).c_str(), mib(kMemoryLimit).c_str());
}

int run(const Options& options) {
    ::signal(SIGPIPE, SIG_IGN);
    serves_on("one", 1, options);
    serves_on("three", 3, options);
    survives_liars(options.seed, options.seconds / 3);
    std::printf("hostile_round: ok\n");
    return 0;
}

}  // namespace
}  // namespace timber::hostile

int main(int argc, char** argv) {
    timber::hostile::Options options;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string_view flag = argv[i];
        if (flag == "--seed") options.seed = std::strtoull(argv[i + 1], nullptr, 10);
        if (flag == "--seconds") options.seconds = std::atof(argv[i + 1]);
        if (flag == "--only") options.only = argv[i + 1];
    }
    std::printf("hostile_round --seed %llu --seconds %g\n",
                static_cast<unsigned long long>(options.seed), options.seconds);
    return timber::hostile::run(options);
}
