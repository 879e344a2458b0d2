#include "tests/crash/program.h"

#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "src/base/io/log.h"
#include "tests/crash/mistake_runs.h"

namespace timber::crash {

namespace {

struct Arguments {
    uint64_t seed = 1;
    uint64_t states = 0;
    std::string replay;
    bool mistakes = false;
};

// Below that, chance decides whether a floor is reached.
constexpr uint64_t kStatesForFloors = 2000;

// For the signal handler.
const Program* program_in_use = nullptr;
Arguments arguments_in_use;

unsigned long long number(uint64_t value) { return value; }

std::string replay_command(const char* path) {
    std::string command =
        "build/release/tests/" + std::string(program_in_use->name) + " --replay \"" + path + '"';
    if (mistake_active != Mistake::kCount)
        command += " --mistake " + std::string(mistake_name(mistake_active));
    return command;
}

void print_failure(const char* path, const char* what) {
    std::printf("FAILED: %s\n  seed %llu, commit %s\n  %s\n", what, number(arguments_in_use.seed),
                TIMBER_COMMIT, replay_command(path).c_str());
    std::fflush(stdout);
}

void on_program_abort(int) {
    print_failure(current_path(),
                  "an assertion failed, see above; or the program aborted otherwise");
    _exit(1);
}

int explore(const MakeExplorer& make) {
    const auto explorer = make(arguments_in_use.seed, {});
    const auto failure = explorer->explore(arguments_in_use.states);
    std::printf("seed %llu: %llu distinct crash states\n%s", number(arguments_in_use.seed),
                number(explorer->coverage().states()), explorer->coverage().to_string().c_str());
    if (failure) {
        print_failure(failure->path.to_string().c_str(), failure->what.c_str());
        std::printf("the smallest of this scenario's failures:\n");
        if (const auto smaller = explorer->shrink(*failure))
            print_failure(smaller->path.to_string().c_str(), smaller->what.c_str());
        return 1;
    }
    const auto shortfall = explorer->coverage().shortfall();
    if (shortfall && arguments_in_use.states >= kStatesForFloors) {
        std::printf("FAILED: too few states of this kind: %s\n", shortfall->c_str());
        return 1;
    }
    return 0;
}

class ExplorerHunt : public MistakeHunt {
  public:
    ExplorerHunt(std::unique_ptr<AnyExplorer> explorer, uint64_t states_max)
        : explorer_(std::move(explorer)), states_max_(states_max) {}

    std::optional<std::string> find() override {
        auto failure = explorer_->explore(states_max_);
        if (!failure) return std::nullopt;
        return std::move(failure->what);
    }
    uint64_t work() const override { return explorer_->coverage().states(); }

  private:
    const std::unique_ptr<AnyExplorer> explorer_;
    const uint64_t states_max_;
};

int hunt_mistakes(const Program& program, const MakeExplorer& make) {
    const std::array<Mistake, 1> only = {mistake_active};
    const bool all = mistake_active == Mistake::kCount;
    return run_mistakes({.mistakes = all ? program.mistakes : only,
                         .unit = "states",
                         .make_hunt =
                             [&](uint64_t seed) {
                                 return std::make_unique<ExplorerHunt>(make(seed, {}),
                                                                       program.mistake_states_max);
                             }},
                        arguments_in_use.seed);
}

int replay(const MakeExplorer& make) {
    const auto path = parse_path(arguments_in_use.replay);
    if (!path) {
        std::fprintf(stderr, "--replay: this is no path: %s\n", arguments_in_use.replay.c_str());
        return 2;
    }
    const auto failure = make(0, path->limits)->replay(*path);
    if (!failure) {
        std::printf("nothing failed\n");
        return 0;
    }
    print_failure(failure->path.to_string().c_str(), failure->what.c_str());
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

}  // namespace

int run_explorer(const Program& program, const MakeExplorer& make, int count, char** values) {
    program_in_use = &program;
    arguments_in_use.states = program.states;
    if (!parse(count, values, arguments_in_use)) {
        std::fprintf(stderr,
                     "usage: %s [--seed S] [--states N] [--replay PATH] [--mistake NAME] "
                     "[--mistakes]\n",
                     program.name);
        return 2;
    }
    // Recoveries by the thousand have nothing to tell an operator; a replay tells its story.
    set_log_level(arguments_in_use.replay.empty() ? LogLevel::kOff : LogLevel::kDebug);
    std::signal(SIGABRT, on_program_abort);
    if (arguments_in_use.mistakes) return hunt_mistakes(program, make);
    return arguments_in_use.replay.empty() ? explore(make) : replay(make);
}

}  // namespace timber::crash
