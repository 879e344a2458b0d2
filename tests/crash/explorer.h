#pragma once
// Explores the crash states of the log: lives under a watcher that, at steps it draws, clones what
// a death would leave together with the model, and lives on from each clone, three deep.
//
// Thread:     one.
// Failure:    the first failure ends the exploration; it names the path to it. A failed assertion
//             inside the log aborts the process; current_path() tells where, to a signal handler.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/crash/coverage.h"
#include "tests/crash/path.h"

namespace timber::logengine {

struct Failure {
    Path path;
    std::string what;
};

class Explorer {
  public:
    Explorer(uint64_t seed, Limits limits) : seed_(seed), limits_(limits) {}

    // Until so many distinct states were reopened and found right.
    std::optional<Failure> explore(uint64_t states);
    // Looks for a smaller failure of the same scenario: fewer crashes, fewer deeds in each life.
    static std::optional<Failure> shrink(const Failure& failure);
    // Lives through one path only.
    std::optional<Failure> replay(const Path& path);

    const Coverage& coverage() const { return coverage_; }
    // Where the exploration is: the path of the life that runs now.
    static const char* current_path();

  private:
    class Sampler;
    class Follower;

    // A state to live on from.
    struct State {
        Path path;
        DiskImage image;
        Model model;
        StateKinds kinds = 0;
        Lsn proven_lsn;
    };

    std::optional<Failure> explore_scenario(uint64_t scenario_seed, uint64_t states);
    std::optional<Failure> live(const Scenario& scenario, State state, LifeWatcher& watcher);

    const uint64_t seed_;
    const Limits limits_;
    Coverage coverage_;
    LogId log_id_;  // of the scenario under way
    Contents contents_;
    std::vector<State> states_;  // to be explored, the last first
};

}  // namespace timber::logengine
