// Runs clusters under seeds. See --help.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "src/base/mistake.h"
#include "tests/raft/sim/sim_cluster.h"

namespace timber::raft::sim {

static constexpr uint64_t kStepsPerRun = 10'000;

struct Options {
    uint64_t seed = 1;
    uint64_t steps = 5'000'000;
    std::optional<uint64_t> replay;
    bool mistakes = false;
    std::string_view mistake;
};

static uint64_t running_seed = 0;

// The last words of a run that ended in an assertion or a broken rule.
static void on_abort(int) {
    std::fprintf(
        stderr, "FAILED: seed %llu; again: raft_sim --replay %llu%s%s\n",
        static_cast<unsigned long long>(running_seed),
        static_cast<unsigned long long>(running_seed),
        mistake_active == Mistake::kCount ? "" : " --mistake ",
        mistake_active == Mistake::kCount ? "" : std::string(mistake_name(mistake_active)).c_str());
    std::_Exit(1);
}

static uint64_t run_seed(uint64_t seed, uint64_t steps, Counts& counts) {
    running_seed = seed;
    Cluster cluster(seed, counts);
    cluster.run(steps);
    return cluster.trace_hash();
}

static void print(const Counts& c) {
    const auto line = [](const char* name, uint64_t value) {
        std::printf("  %-24s %llu\n", name, static_cast<unsigned long long>(value));
    };
    line("runs", c.runs);
    line("steps", c.steps);
    line("elections", c.elections);
    line("conflicts", c.conflicts);
    line("snapshots", c.snapshots);
    line("membership changes", c.changes);
    line("changes passed", c.changes_passed);
    line("nodes destroyed", c.destroyed);
    line("crashes", c.crashes);
    line("crashes, writes in flight", c.crashes_in_flight);
    line("leaders lost, proposals", c.leaders_lost);
    line("transfers ordered", c.transfers);
    line("writes done", c.writes_done);
    line("reads done", c.reads_done);
    line("reads done by followers", c.forwarded_reads_done);
    line("reads under partition", c.reads_in_partition);
    line("lease reads done", c.lease_reads_done);
    line("lease reads refused", c.lease_reads_refused);
    line("proposals overwritten", c.proposals_overwritten);
    line("proposals passed", c.proposals_passed);
    line("nonsense messages", c.nonsense);
    line("recovery ticks, at most", c.recovery_ticks_max);
    line("runs with leases", c.lease_runs);
    line("runs with mixed leases", c.mixed_lease_runs);
    for (size_t i = 0; i < kFaultCount; ++i) {
        line((std::string("runs with ") + std::string(kFaultNames[i])).c_str(), c.fault_runs[i]);
    }
}

// An idle cluster is no exploration: floors per million steps, far below what runs give.
static bool floors_met(const Counts& c) {
    bool met = true;
    const auto floor = [&](const char* name, uint64_t value, uint64_t per_million) {
        const uint64_t least = per_million * c.steps / 1'000'000;
        if (value >= least) return;
        std::printf("TOO FEW %s: %llu, the floor is %llu\n", name,
                    static_cast<unsigned long long>(value), static_cast<unsigned long long>(least));
        met = false;
    };
    floor("elections", c.elections, 500);
    floor("conflicts", c.conflicts, 60);
    floor("snapshots", c.snapshots, 60);
    floor("membership changes", c.changes, 80);
    floor("membership changes that a snapshot passes", c.changes_passed, 1);
    floor("nodes destroyed", c.destroyed, 10);
    floor("crashes with writes in flight", c.crashes_in_flight, 200);
    floor("leaders lost with proposals in flight", c.leaders_lost, 150);
    floor("writes done", c.writes_done, 7000);
    floor("reads done", c.reads_done, 2500);
    floor("reads under partition", c.reads_in_partition, 1000);
    floor("lease reads done", c.lease_reads_done, 800);
    floor("proposals overwritten", c.proposals_overwritten, 30);
    if (c.runs < 300) return met;  // too few to count kinds of runs in
    const auto runs = [&](std::string_view kind, uint64_t count) {
        if (count >= 50) return;
        std::printf("TOO FEW runs with %s\n", std::string(kind).c_str());
        met = false;
    };
    runs("mixed leases", c.mixed_lease_runs);
    for (size_t i = 0; i < kFaultCount; ++i) runs(kFaultNames[i], c.fault_runs[i]);
    return met;
}

static int explore(const Options& options) {
    Counts counts;
    uint64_t hash = 0;
    for (uint64_t seed = options.seed; counts.steps < options.steps; ++seed) {
        hash = fingerprint(hash, run_seed(seed, kStepsPerRun, counts));
    }
    std::printf("raft_sim: seeds from %llu, trace hash %016llx\n",
                static_cast<unsigned long long>(options.seed),
                static_cast<unsigned long long>(hash));
    print(counts);
    if (counts.steps >= 400'000 && !floors_met(counts)) return 1;
    std::printf("OK\n");
    return 0;
}

struct Caught {
    bool caught = false;
    uint64_t steps = 0;
};

// Runs seeds in a child, since being caught ends the process. The child tells by a pipe how many
// steps it had done, run by run.
static Caught run_child(uint64_t seed, uint64_t steps) {
    int ends[2];
    TIMBER_ASSERT_OP(pipe(ends), ==, 0);
    std::fflush(nullptr);
    const pid_t child = fork();
    TIMBER_ASSERT_OP(child, >=, 0);
    if (child == 0) {
        TIMBER_ASSERT(std::freopen("/dev/null", "w", stderr) != nullptr);
        Counts counts;
        for (uint64_t i = 0; counts.steps < steps; ++i) {
            run_seed(seed + i, kStepsPerRun, counts);
            TIMBER_ASSERT_OP(write(ends[1], &counts.steps, sizeof counts.steps), ==,
                             static_cast<ssize_t>(sizeof counts.steps));
        }
        std::_Exit(0);
    }
    close(ends[1]);
    Caught caught;
    uint64_t done = 0;
    while (read(ends[0], &done, sizeof done) == sizeof done) caught.steps = done;
    close(ends[0]);
    int status = 0;
    TIMBER_ASSERT_OP(waitpid(child, &status, 0), ==, child);
    caught.caught = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    return caught;
}

static int run_mistakes(const Options& options) {
    constexpr uint64_t kSeeds = 10;
    constexpr uint64_t kApart = 1'000'000;  // runs of one seed start far from the next one's
    bool good = true;
    for (unsigned i = 0; i <= static_cast<unsigned>(Mistake::kCount); ++i) {
        const auto mistake = static_cast<Mistake>(i);
        const std::string name(mistake_name(mistake));
        const bool none = mistake == Mistake::kCount;
        if (!none && !name.starts_with("raft_")) continue;
        if (!options.mistake.empty() && options.mistake != name) continue;
        mistake_active = mistake;
        uint64_t caught = 0, steps_most = 0, steps_sum = 0;
        for (uint64_t s = 0; s < kSeeds; ++s) {
            const uint64_t seed = options.seed * kApart * kSeeds + s * kApart;
            const Caught result = run_child(seed, none ? options.steps / 10 : options.steps);
            caught += result.caught;
            steps_sum += result.steps;
            steps_most = std::max(steps_most, result.steps);
            if (!result.caught && !none)
                std::printf("  missed: seed %llu\n", static_cast<unsigned long long>(seed));
            if (result.caught && none)
                std::printf("  failed: near seed %llu\n",
                            static_cast<unsigned long long>(seed + result.steps / kStepsPerRun));
        }
        const bool right = none ? caught == 0 : caught + 1 >= kSeeds;
        good = good && right;
        std::printf("%-40s caught %2llu of %llu, after %llu steps on average, %llu at most%s\n",
                    name.c_str(), static_cast<unsigned long long>(caught),
                    static_cast<unsigned long long>(kSeeds),
                    static_cast<unsigned long long>(steps_sum / kSeeds),
                    static_cast<unsigned long long>(steps_most), right ? "" : "  WRONG");
        std::fflush(stdout);
    }
    return good ? 0 : 1;
}

static int usage() {
    std::fputs(
        "raft_sim [--seed S] [--steps N]   explore from seed S on, N steps\n"
        "raft_sim --replay SEED [--mistake NAME]   one run again\n"
        "raft_sim --mistakes [--mistake NAME] [--seed S] [--steps N]   planted mistakes, at most\n"
        "                                  N steps for each of 10 seeds\n",
        stderr);
    return 2;
}

static int run_main(int count, char** arguments) {
    Options options;
    bool steps_given = false;
    for (int i = 1; i < count; ++i) {
        const std::string_view argument = arguments[i];
        const bool last = i + 1 >= count;
        if (argument == "--mistakes") {
            options.mistakes = true;
        } else if (last) {
            return usage();
        } else if (argument == "--seed") {
            options.seed = std::strtoull(arguments[++i], nullptr, 10);
        } else if (argument == "--steps") {
            options.steps = std::strtoull(arguments[++i], nullptr, 10);
            steps_given = true;
        } else if (argument == "--replay") {
            options.replay = std::strtoull(arguments[++i], nullptr, 10);
        } else if (argument == "--mistake") {
            options.mistake = arguments[++i];
        } else {
            return usage();
        }
    }
    std::signal(SIGABRT, on_abort);
    if (options.mistakes) {
        if (!steps_given) options.steps = 8'000'000;
        return run_mistakes(options);
    }
    for (unsigned i = 0; i < static_cast<unsigned>(Mistake::kCount); ++i) {
        const auto mistake = static_cast<Mistake>(i);
        if (mistake_name(mistake) == options.mistake) mistake_active = mistake;
    }
    if (!options.replay) return explore(options);
    Counts counts;
    const uint64_t hash = run_seed(*options.replay, kStepsPerRun, counts);
    std::printf("seed %llu: trace hash %016llx\n", static_cast<unsigned long long>(*options.replay),
                static_cast<unsigned long long>(hash));
    print(counts);
    return 0;
}

}  // namespace timber::raft::sim

int main(int count, char** arguments) { return timber::raft::sim::run_main(count, arguments); }
