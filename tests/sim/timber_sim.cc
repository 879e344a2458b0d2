// Runs clusters under seeds: see usage().
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/io/log.h"
#include "src/base/mistake.h"
#include "tests/sim/run.h"
#include "tests/support/child_seconds.h"

namespace timber::sim {

namespace {

struct Options {
    uint64_t seed = 1;
    uint64_t runs = 500;
    uint64_t steps = UINT64_MAX;
    std::optional<uint64_t> replay{};
    bool mistakes = false;
    bool verbose = false;
    std::string_view mistake{};
};

uint64_t running_seed = 0;

void on_abort(int) {
    const bool planted = mistake_active != Mistake::kCount;
    std::fprintf(stderr, "FAILED: seed %llu, commit %s; again: timber_sim --replay %llu%s%s\n",
                 static_cast<unsigned long long>(running_seed), TIMBER_COMMIT,
                 static_cast<unsigned long long>(running_seed), planted ? " --mistake " : "",
                 planted ? std::string(mistake_name(mistake_active)).c_str() : "");
    std::_Exit(1);
}

uint64_t play_seed(uint64_t seed, Totals& totals) {
    running_seed = seed;
    Run run(seed);
    run.play(totals);
    return run.trace_hash();
}

void print(const Totals& t) {
    const auto line = [](std::string_view name, uint64_t value) {
        std::printf("  %-36s %llu\n", std::string(name).c_str(),
                    static_cast<unsigned long long>(value));
    };
    line("runs", t.runs);
    line("steps", t.steps);
    line("client operations done", t.operations());
    line("  writes", t.writes_done);
    line("  reads", t.reads_done);
    line("  reads under partition", t.reads_in_partition);
    line("surely not done", t.refused);
    line("unknown", t.unknown);
    line("entries applied", t.entries);
    line("messages delivered", t.messages);
    line("messages overtaken", t.overtaken);
    line("starts", t.machines.starts);
    line("crash-restarts", t.crashes());
    line("  process deaths", t.machines.process_deaths);
    line("  power cuts", t.machines.power_cuts);
    line("  while opening", t.machines.deaths_while_opening);
    line("  in the middle of a disk's operation", t.machines.deaths_by_trap);
    line("restarts in order", t.machines.stops);
    line("Stores that gave up", t.machines.failures);
    line("openings that failed", t.machines.openings_failed);
    line("leader changes", t.machines.leader_changes);
    line("leaders lost with writes in flight", t.machines.leaders_lost);
    line("snapshots installed", t.machines.snapshots_installed);
    line("membership changes", t.membership_changes);
    line("strangers refused", t.machines.strangers);
    line("states compared with the log", t.machines.states_checked);
    line("runs checked by search, too", t.searched_runs);
    line("runs with leases", t.lease_runs);
    for (size_t i = 0; i < kTroubles; ++i) {
        line("runs with " + std::string(kTroubleNames[i]), t.trouble_runs[i]);
    }
}

// An idle cluster is no exploration: floors for each run on average.
bool floors_met(const Totals& t) {
    bool met = true;
    const auto floor = [&](const char* name, uint64_t value, uint64_t per_hundred_runs) {
        const uint64_t least = per_hundred_runs * t.runs / 100;
        if (value >= least) return;
        std::printf("TOO FEW %s: %llu, the floor is %llu\n", name,
                    static_cast<unsigned long long>(value), static_cast<unsigned long long>(least));
        met = false;
    };
    floor("client operations", t.operations(), 60'000);
    floor("crash-restarts", t.crashes(), 1'000);
    floor("snapshots installed", t.machines.snapshots_installed, 100);
    floor("leader changes with writes in flight", t.machines.leaders_lost, 200);
    floor("reads under partition", t.reads_in_partition, 1'000);
    floor("membership changes", t.membership_changes, 100);
    floor("deaths while opening", t.machines.deaths_while_opening, 50);
    floor("states compared with the log", t.machines.states_checked, 5'000);
    floor("runs checked by search", t.searched_runs, 10);
    if (t.runs < 200) return met;  // too few to count kinds of runs in
    for (size_t i = 0; i < kTroubles; ++i) {
        floor(std::string(kTroubleNames[i]).c_str(), t.trouble_runs[i], 10);
    }
    return met;
}

int explore(const Options& options) {
    Totals totals;
    TraceHash hash;
    for (uint64_t i = 0; i < options.runs && totals.steps < options.steps; ++i) {
        hash.mix(play_seed(options.seed + i, totals));
    }
    std::printf("timber_sim: seeds from %llu, trace hash %016llx\n",
                static_cast<unsigned long long>(options.seed),
                static_cast<unsigned long long>(hash.value()));
    print(totals);
    if (totals.runs >= 25 && !floors_met(totals)) return 1;
    std::printf("OK\n");
    return 0;
}

// --- Planted mistakes ---

struct Caught {
    bool caught = false;
    uint64_t runs = 0;
    std::string what{};
};

// In a child, since being caught ends the process. It tells by a pipe how many runs it had done,
// and its last words come through another.
Caught run_child(uint64_t seed, uint64_t runs) {
    int counts[2];
    int words[2];
    TIMBER_ASSERT_OP(pipe(counts), ==, 0);
    TIMBER_ASSERT_OP(pipe(words), ==, 0);
    std::fflush(nullptr);
    const pid_t child = fork();
    TIMBER_ASSERT_OP(child, >=, 0);
    if (child == 0) {
        dup2(words[1], 2);
        Totals totals;
        for (uint64_t i = 0; i < runs; ++i) {
            play_seed(seed + i, totals);
            const char done = 1;
            if (write(counts[1], &done, 1) != 1) _exit(3);
        }
        _exit(0);
    }
    close(counts[1]);
    close(words[1]);
    Caught caught;
    char done = 0;
    while (read(counts[0], &done, 1) == 1) ++caught.runs;
    char text[400];
    const ssize_t length = read(words[0], text, sizeof text);
    if (length > 0) caught.what.assign(text, static_cast<size_t>(length));
    caught.what = caught.what.substr(0, caught.what.find('\n'));
    close(counts[0]);
    close(words[0]);
    int status = 0;
    TIMBER_ASSERT_OP(waitpid(child, &status, 0), ==, child);
    caught.caught = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    return caught;
}

bool play_mistake(const Options& options, Mistake mistake) {
    constexpr uint64_t kSeeds = 10;
    constexpr uint64_t kApart = 1'000;  // runs of one seed start far from the next one's
    const bool none = mistake == Mistake::kCount;
    mistake_active = mistake;
    uint64_t caught = 0;
    std::vector<uint64_t> work;
    const double seconds_before = child_seconds();
    std::string what;
    for (uint64_t s = 0; s < kSeeds; ++s) {
        const uint64_t seed = (options.seed * kSeeds + s) * kApart;
        const Caught result = run_child(seed, none ? 3 : options.runs);
        caught += result.caught ? 1 : 0;
        work.push_back(result.runs);
        if (result.caught) what = result.what;
        if (result.caught == none) {
            std::printf("  %s: seed %llu %s\n", none ? "failed" : "missed",
                        static_cast<unsigned long long>(seed + result.runs), result.what.c_str());
        }
    }
    const bool right = none ? caught == 0 : caught + 1 >= kSeeds;
    std::ranges::sort(work);
    std::printf(
        "%-34s caught %2llu of %llu, after %llu runs in the middle, %llu at most, "
        "%.1f processor seconds%s\n    %s\n",
        std::string(mistake_name(mistake)).c_str(), static_cast<unsigned long long>(caught),
        static_cast<unsigned long long>(kSeeds), static_cast<unsigned long long>(work[kSeeds / 2]),
        static_cast<unsigned long long>(work.back()), child_seconds() - seconds_before,
        right ? "" : "  WRONG", what.c_str());
    std::fflush(stdout);
    return right;
}

int run_mistakes(const Options& options) {
    bool good = true;
    for (unsigned i = 0; i <= static_cast<unsigned>(Mistake::kCount); ++i) {
        const auto mistake = static_cast<Mistake>(i);
        const bool none = mistake == Mistake::kCount;
        // This program is named by the sentence of each mistake that it has to notice.
        if (!none && mistake_sentence(mistake).find("timber_sim") == std::string_view::npos)
            continue;
        if (!options.mistake.empty() && options.mistake != mistake_name(mistake)) continue;
        good = play_mistake(options, mistake) && good;
    }
    return good ? 0 : 1;
}

int usage() {
    std::fputs(
        "timber_sim [--seed S] [--runs K] [--steps N]   explore seeds from S on: K runs, or fewer\n"
        "                                  once N steps are done\n"
        "timber_sim --replay SEED [--mistake NAME] [--verbose]   one run again\n"
        "timber_sim --mistakes [--mistake NAME] [--seed S] [--runs K]   planted mistakes, at most\n"
        "                                  K runs for each of 10 seeds\n",
        stderr);
    return 2;
}

bool parse(int count, char** arguments, Options& options) {
    bool runs_given = false;
    for (int i = 1; i < count; ++i) {
        const std::string_view argument = arguments[i];
        const auto number = [&] { return std::strtoull(arguments[++i], nullptr, 10); };
        const bool last = i + 1 >= count;
        if (argument == "--mistakes") {
            options.mistakes = true;
        } else if (argument == "--verbose") {
            options.verbose = true;
        } else if (last) {
            return false;
        } else if (argument == "--seed") {
            options.seed = number();
        } else if (argument == "--runs") {
            options.runs = number();
            runs_given = true;
        } else if (argument == "--steps") {
            options.steps = number();
        } else if (argument == "--replay") {
            options.replay = number();
        } else if (argument == "--mistake") {
            options.mistake = arguments[++i];
        } else {
            return false;
        }
    }
    if (options.mistakes && !runs_given) options.runs = 200;
    return true;
}

int run_main(int count, char** arguments) {
    Options options;
    if (!parse(count, arguments, options)) return usage();
    std::signal(SIGABRT, on_abort);
    set_log_level(options.verbose ? LogLevel::kDebug : LogLevel::kOff);
    if (options.mistakes) return run_mistakes(options);
    for (unsigned i = 0; i < static_cast<unsigned>(Mistake::kCount); ++i) {
        const auto mistake = static_cast<Mistake>(i);
        if (mistake_name(mistake) == options.mistake) mistake_active = mistake;
    }
    if (!options.replay) return explore(options);
    Totals totals;
    const uint64_t hash = play_seed(*options.replay, totals);
    std::printf("seed %llu: trace hash %016llx\n", static_cast<unsigned long long>(*options.replay),
                static_cast<unsigned long long>(hash));
    print(totals);
    return 0;
}

}  // namespace

}  // namespace timber::sim

int main(int count, char** arguments) { return timber::sim::run_main(count, arguments); }
