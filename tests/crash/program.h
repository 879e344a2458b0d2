#pragma once
// The command line of every crash explorer:
//
//   --seed S         what everything is drawn from; 1
//   --states N       how many distinct crash states to explore
//   --replay PATH    live through one path again, as a failure printed it
//   --mistake NAME   with a planted mistake on
//   --mistakes       every planted mistake, or that one, ten fresh seeds each: it must be caught
//                    for nine of them at least, and nothing may be found where there is none
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "src/base/mistake.h"
#include "tests/crash/explorer.h"

namespace timber::crash {

struct Program {
    const char* name;
    std::span<const Mistake> mistakes;
    uint64_t states;              // unless --states says
    uint64_t mistake_states_max;  // after which a mistake counts as not caught
};

// An explorer, whatever it explores.
class AnyExplorer {
  public:
    virtual ~AnyExplorer() = default;
    virtual std::optional<Failure> explore(uint64_t states) = 0;
    virtual std::optional<Failure> shrink(const Failure& failure) = 0;
    virtual std::optional<Failure> replay(const Path& path) = 0;
    virtual const Coverage& coverage() const = 0;
};
using MakeExplorer = std::function<std::unique_ptr<AnyExplorer>(uint64_t seed, Limits limits)>;

// The program's exit code.
int run_explorer(const Program& program, const MakeExplorer& make, int count, char** values);

template <typename World>
int run_explorer(const Program& program, int count, char** values) {
    class Explores : public AnyExplorer {
      public:
        Explores(uint64_t seed, Limits limits) : explorer_(seed, limits) {}
        std::optional<Failure> explore(uint64_t states) override {
            return explorer_.explore(states);
        }
        std::optional<Failure> shrink(const Failure& failure) override {
            return Explorer<World>::shrink(failure);
        }
        std::optional<Failure> replay(const Path& path) override { return explorer_.replay(path); }
        const Coverage& coverage() const override { return explorer_.coverage(); }

      private:
        Explorer<World> explorer_;
    };
    return run_explorer(
        program,
        [](uint64_t seed, Limits limits) { return std::make_unique<Explores>(seed, limits); },
        count, values);
}

}  // namespace timber::crash
