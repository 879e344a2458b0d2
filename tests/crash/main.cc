// log_crash_explorer: is there a crash that fools the log?
//
//   --seed S         what everything is drawn from; 1
//   --states N       how many distinct crash states to explore; 20000
//   --replay PATH    live through one path again, as a failure printed it
//   --mistake NAME   with a planted mistake on
//   --mistakes       every planted mistake of the log, ten fresh seeds each: it must be caught
#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "src/base/io/log.h"
#include "src/base/mistake.h"
#include "tests/crash/explorer.h"
#include "tests/crash/mistakes.h"

namespace timber::logengine {
namespace {

struct Arguments {
    uint64_t seed = 1;
    uint64_t states = 20000;
    std::string replay;
    bool mistakes = false;
};

// Below that, chance decides whether a floor is reached.
constexpr uint64_t kStatesForFloors = 2000;

std::string replay_command(const char* path) {
    std::string command = "build/release/tests/log_crash_explorer --replay \"";
    command += path;
    command += '"';
    if (mistake_active != Mistake::kCount)
        command += " --mistake " + std::string(mistake_name(mistake_active));
    return command;
}

void print_failure(const Arguments& arguments, const char* path, const char* what) {
    std::printf("FAILED: %s\n  seed %llu, commit %s\n  %s\n", what,
                static_cast<unsigned long long>(arguments.seed), TIMBER_COMMIT,
                replay_command(path).c_str());
    std::fflush(stdout);
}

Arguments arguments_in_use;

void on_abort(int) {
    print_failure(arguments_in_use, Explorer::current_path(),
                  "an assertion failed, see above; or the program aborted otherwise");
    _exit(1);
}

int explore(const Arguments& arguments) {
    Explorer explorer(arguments.seed, {});
    const auto failure = explorer.explore(arguments.states);
    std::printf("seed %llu: %llu distinct crash states\n%s",
                static_cast<unsigned long long>(arguments.seed),
                static_cast<unsigned long long>(explorer.coverage().states()),
                explorer.coverage().to_string().c_str());
    if (failure) {
        print_failure(arguments, failure->path.to_string().c_str(), failure->what.c_str());
        std::printf("the smallest of this scenario's failures:\n");
        if (const auto smaller = Explorer::shrink(*failure))
            print_failure(arguments, smaller->path.to_string().c_str(), smaller->what.c_str());
        return 1;
    }
    const auto shortfall = explorer.coverage().shortfall();
    if (shortfall && arguments.states >= kStatesForFloors) {
        std::printf("FAILED: too few states of this kind: %s\n", shortfall->c_str());
        return 1;
    }
    return 0;
}

int replay(const Arguments& arguments) {
    const auto path = parse_path(arguments.replay);
    if (!path) {
        std::fprintf(stderr, "--replay: this is no path: %s\n", arguments.replay.c_str());
        return 2;
    }
    const auto failure = Explorer(0, path->limits).replay(*path);
    if (!failure) {
        std::printf("nothing failed\n");
        return 0;
    }
    print_failure(arguments, failure->path.to_string().c_str(), failure->what.c_str());
    return 1;
}

bool set_mistake(const char* name) {
    for (unsigned index = 0; index < static_cast<unsigned>(Mistake::kCount); ++index) {
        if (mistake_name(Mistake(index)) == name) {
            mistake_active = Mistake(index);
            return true;
        }
    }
    return false;
}

bool parse(int count, char** values, Arguments& arguments) {
    for (int index = 1; index < count; ++index) {
        const std::string_view name = values[index];
        if (name == "--mistakes") {
            arguments.mistakes = true;
            continue;
        }
        if (index + 1 == count) return false;
        const char* const value = values[++index];
        if (name == "--seed") {
            arguments.seed = std::strtoull(value, nullptr, 10);
        } else if (name == "--states") {
            arguments.states = std::strtoull(value, nullptr, 10);
        } else if (name == "--replay") {
            arguments.replay = value;
        } else if (name != "--mistake" || !set_mistake(value)) {
            return false;
        }
    }
    return true;
}

int run(int count, char** values) {
    if (!parse(count, values, arguments_in_use)) {
        std::fprintf(stderr,
                     "usage: log_crash_explorer [--seed S] [--states N] [--replay PATH] "
                     "[--mistake NAME] [--mistakes]\n");
        return 2;
    }
    // Recoveries by the thousand have nothing to tell an operator; a replay tells its story.
    set_log_level(arguments_in_use.replay.empty() ? LogLevel::kOff : LogLevel::kDebug);
    std::signal(SIGABRT, on_abort);
    if (arguments_in_use.mistakes) return run_mistakes(arguments_in_use.seed);
    return arguments_in_use.replay.empty() ? explore(arguments_in_use) : replay(arguments_in_use);
}

}  // namespace
}  // namespace timber::logengine

int main(int count, char** values) { return timber::logengine::run(count, values); }
