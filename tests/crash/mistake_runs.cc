#include "tests/crash/mistake_runs.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

#include "src/base/mistake.h"

namespace timber::crash {

namespace {

constexpr uint64_t kSeeds = 10;
constexpr uint64_t kCaughtMin = 9;

// What one seed came to, as its process tells it.
struct Outcome {
    bool caught = false;
    uint64_t states = 0;
    char what[240] = {};
};

int report_to = -1;
const AnyExplorer* exploring = nullptr;

void report(const char* what, bool caught) {
    Outcome outcome{.caught = caught, .states = exploring->coverage().states()};
    std::snprintf(outcome.what, sizeof outcome.what, "%s", what);
    if (write(report_to, &outcome, sizeof outcome) != sizeof outcome) _exit(3);
    _exit(0);
}

void on_abort(int) { report("an assertion failed", true); }

[[noreturn]] void explore_and_report(const Program& program, const MakeExplorer& make,
                                     Mistake mistake, uint64_t seed) {
    // What an assertion prints is expected here.
    if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(3);
    std::signal(SIGABRT, on_abort);
    mistake_active = mistake;
    const auto explorer = make(seed, {});
    exploring = explorer.get();
    const auto failure = explorer->explore(program.mistake_states_max);
    const std::string what = failure ? failure->what : "";
    report(what.c_str(), failure.has_value());
    _exit(3);
}

// In a process of its own, because a mistake may show as a failed assertion.
Outcome run_seed(const Program& program, const MakeExplorer& make, Mistake mistake, uint64_t seed) {
    int ends[2];
    Outcome outcome;
    if (pipe(ends) != 0) return outcome;
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        report_to = ends[1];
        explore_and_report(program, make, mistake, seed);
    }
    close(ends[1]);
    const bool told = read(ends[0], &outcome, sizeof outcome) == sizeof outcome;
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (!told) {
        // Died without a word: caught, by the hardware's protection if by nothing else.
        outcome.caught = true;
        std::snprintf(outcome.what, sizeof outcome.what, "the process died, status %d", status);
    }
    return outcome;
}

bool run_one(const Program& program, const MakeExplorer& make, Mistake mistake,
             uint64_t first_seed) {
    const bool expected = mistake != Mistake::kCount;
    const std::string name(mistake_name(mistake));
    uint64_t caught = 0;
    for (uint64_t index = 0; index < kSeeds; ++index) {
        const uint64_t seed = first_seed + index;
        const Outcome outcome = run_seed(program, make, mistake, seed);
        caught += outcome.caught ? 1 : 0;
        std::printf("%-28s seed %-6llu %s after %llu states %s\n", name.c_str(),
                    static_cast<unsigned long long>(seed), outcome.caught ? "caught" : "not caught",
                    static_cast<unsigned long long>(outcome.states), outcome.what);
    }
    const bool right = expected ? caught >= kCaughtMin : caught == 0;
    if (!right)
        std::printf("FAILED: %s was caught for %llu of %llu seeds\n", name.c_str(),
                    static_cast<unsigned long long>(caught),
                    static_cast<unsigned long long>(kSeeds));
    return right;
}

}  // namespace

int run_mistakes(const Program& program, const MakeExplorer& make, uint64_t seed) {
    bool right = true;
    uint64_t first_seed = seed * 1000;
    for (const Mistake mistake : program.mistakes) {
        right &= run_one(program, make, mistake, first_seed);
        first_seed += kSeeds;
    }
    right &= run_one(program, make, Mistake::kCount, first_seed);
    return right ? 0 : 1;
}

}  // namespace timber::crash
