// store_model: does the state store answer as a plain ordered map does, whatever its options are?
//
//   --seed S        what everything is drawn from; 1
//   --runs K        how many scripts of deeds to play; 100
//   --deeds N       in each script; 300
//   --replay TEXT   play one script again, as a failure printed it
//   --mistake NAME  with a planted mistake on
//   --mistakes      every planted mistake that is the model's to notice, ten fresh seeds each
//
// A script is played under every set of options. A failure is shrunk: as few of its deeds as still
// fail.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "src/base/io/log.h"
#include "src/base/mistake.h"
#include "tests/crash/mistake_runs.h"
#include "tests/crash/store/mistakes.h"
#include "tests/memtable/model/script.h"

namespace timber::memtable {
namespace {

struct Arguments {
    uint64_t seed = 1;
    uint64_t runs = 100;
    size_t deeds = 300;
    std::string replay;
    bool mistakes = false;
};

// After which a mistake counts as not caught.
constexpr uint64_t kMistakeRunsMax = 4;

// For the signal handler.
char current_script[256];

void on_abort(int) {
    std::printf("FAILED: an assertion failed, see above; the script was %s\n", current_script);
    std::fflush(stdout);
    _exit(1);
}

std::optional<std::string> play_watched(const Script& script, size_t options) {
    std::snprintf(current_script, sizeof current_script, "%s",
                  to_string(script, options).substr(0, sizeof current_script - 1).c_str());
    return play(script, options);
}

void print_failure(const Script& script, size_t options, const std::string& what) {
    std::printf(
        "FAILED under the options '%s': %s\n  commit %s, %zu deeds\n"
        "  build/release/tests/store_model --replay \"%s\"\n",
        std::string(options_name(options)).c_str(), what.c_str(), TIMBER_COMMIT,
        script.deeds.size(), to_string(script, options).c_str());
    std::fflush(stdout);
}

Script script_of_run(uint64_t seed, uint64_t run, size_t deeds) {
    return draw_script(seed * 1'000'003 + run, deeds);
}

class ScriptHunt : public crash::MistakeHunt {
  public:
    ScriptHunt(uint64_t seed, size_t deeds) : seed_(seed), deeds_(deeds) {}

    std::optional<std::string> find() override {
        for (uint64_t run = 0; run < kMistakeRunsMax; ++run) {
            const Script script = script_of_run(seed_, run, deeds_);
            for (size_t options = 0; options < kOptionSets; ++options) {
                ++played_;
                if (auto failure = play(script, options)) return failure;
            }
        }
        return std::nullopt;
    }
    uint64_t work() const override { return played_; }

  private:
    const uint64_t seed_;
    const size_t deeds_;
    uint64_t played_ = 0;
};

int hunt_mistakes(const Arguments& arguments) {
    const auto make_hunt = [&](uint64_t seed) {
        return std::make_unique<ScriptHunt>(seed, arguments.deeds);
    };
    return crash::run_mistakes(
        {.mistakes = kMistakesOfAnswers, .unit = "scripts played", .make_hunt = make_hunt},
        arguments.seed);
}

int explore(const Arguments& arguments) {
    uint64_t deeds = 0;
    for (uint64_t run = 0; run < arguments.runs; ++run) {
        const Script script = script_of_run(arguments.seed, run, arguments.deeds);
        for (size_t options = 0; options < kOptionSets; ++options) {
            const auto failure = play_watched(script, options);
            deeds += script.deeds.size();
            if (!failure) continue;
            print_failure(script, options, *failure);
            const Script smaller = shrink(script, options);
            std::printf("the same, shrunk:\n");
            print_failure(smaller, options, play_watched(smaller, options).value_or("nothing"));
            return 1;
        }
    }
    std::printf("seed %llu: %llu scripts under %zu sets of options, %llu deeds\n",
                static_cast<unsigned long long>(arguments.seed),
                static_cast<unsigned long long>(arguments.runs), kOptionSets,
                static_cast<unsigned long long>(deeds));
    return 0;
}

int replay(const Arguments& arguments) {
    size_t options = 0;
    const auto script = parse_script(arguments.replay, options);
    if (!script) {
        std::fprintf(stderr, "--replay: this is no script: %s\n", arguments.replay.c_str());
        return 2;
    }
    const auto failure = play_watched(*script, options);
    if (!failure) {
        std::printf("nothing failed\n");
        return 0;
    }
    print_failure(*script, options, *failure);
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
        } else if (name == "--runs") {
            arguments.runs = std::strtoull(value, nullptr, 10);
        } else if (name == "--deeds") {
            arguments.deeds = std::strtoull(value, nullptr, 10);
        } else if (name == "--replay") {
            arguments.replay = value;
        } else if (name != "--mistake" || !set_mistake(value)) {
            return false;
        }
    }
    return true;
}

int run(int count, char** values) {
    Arguments arguments;
    if (!parse(count, values, arguments)) {
        std::fprintf(stderr,
                     "usage: store_model [--seed S] [--runs K] [--deeds N] [--replay TEXT] "
                     "[--mistake NAME] [--mistakes]\n");
        return 2;
    }
    set_log_level(arguments.replay.empty() ? LogLevel::kOff : LogLevel::kDebug);
    std::signal(SIGABRT, on_abort);
    if (arguments.mistakes) return hunt_mistakes(arguments);
    return arguments.replay.empty() ? explore(arguments) : replay(arguments);
}

}  // namespace
}  // namespace timber::memtable

int main(int count, char** values) { return timber::memtable::run(count, values); }
