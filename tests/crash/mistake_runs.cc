#include "tests/crash/mistake_runs.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/child_seconds.h"

namespace timber::crash {

namespace {

constexpr uint64_t kSeeds = 10;
constexpr uint64_t kCaughtMin = 9;

// What one seed came to, as its process tells it.
struct Outcome {
    bool caught = false;
    uint64_t work = 0;
    char what[240] = {};
};

int report_to = -1;
const MistakeHunt* hunting = nullptr;

void report(const char* what, bool caught) {
    Outcome outcome{.caught = caught, .work = hunting->work()};
    std::snprintf(outcome.what, sizeof outcome.what, "%s", what);
    if (write(report_to, &outcome, sizeof outcome) != sizeof outcome) _exit(3);
    _exit(0);
}

void on_abort(int) { report("an assertion failed", true); }

[[noreturn]] void hunt_and_report(const MistakeRuns& runs, Mistake mistake, uint64_t seed) {
    // What an assertion prints is expected here.
    if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(3);
    std::signal(SIGABRT, on_abort);
    mistake_active = mistake;
    const std::unique_ptr<MistakeHunt> hunt = runs.make_hunt(seed);
    hunting = hunt.get();
    const std::optional<std::string> found = hunt->find();
    report(found.value_or("").c_str(), found.has_value());
    _exit(3);
}

// In a process of its own, because a mistake may show as a failed assertion.
Outcome run_seed(const MistakeRuns& runs, Mistake mistake, uint64_t seed) {
    int ends[2];
    Outcome outcome;
    if (pipe(ends) != 0) return outcome;
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        report_to = ends[1];
        hunt_and_report(runs, mistake, seed);
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

bool run_one(const MistakeRuns& runs, Mistake mistake, uint64_t first_seed) {
    const bool expected = mistake != Mistake::kCount;
    const std::string name(mistake_name(mistake));
    uint64_t caught = 0;
    std::vector<uint64_t> work;
    const double seconds_before = child_seconds();
    for (uint64_t index = 0; index < kSeeds; ++index) {
        const uint64_t seed = first_seed + index;
        const Outcome outcome = run_seed(runs, mistake, seed);
        caught += outcome.caught ? 1 : 0;
        work.push_back(outcome.work);
        std::printf("%-28s seed %-6llu %s after %llu %s %s\n", name.c_str(),
                    static_cast<unsigned long long>(seed), outcome.caught ? "caught" : "not caught",
                    static_cast<unsigned long long>(outcome.work), runs.unit, outcome.what);
    }
    std::ranges::sort(work);
    std::printf(
        "%s: caught for %llu of %llu, after %llu %s in the middle, %.1f processor seconds\n",
        name.c_str(), static_cast<unsigned long long>(caught),
        static_cast<unsigned long long>(kSeeds), static_cast<unsigned long long>(work[kSeeds / 2]),
        runs.unit, child_seconds() - seconds_before);
    const bool right = expected ? caught >= kCaughtMin : caught == 0;
    if (!right)
        std::printf("FAILED: %s was caught for %llu of %llu seeds\n", name.c_str(),
                    static_cast<unsigned long long>(caught),
                    static_cast<unsigned long long>(kSeeds));
    return right;
}

}  // namespace

int run_mistakes(const MistakeRuns& runs, uint64_t seed) {
    bool right = true;
    uint64_t first_seed = seed * 1000;
    for (const Mistake mistake : runs.mistakes) {
        right &= run_one(runs, mistake, first_seed);
        first_seed += kSeeds;
    }
    right &= run_one(runs, Mistake::kCount, first_seed);
    return right ? 0 : 1;
}

}  // namespace timber::crash
