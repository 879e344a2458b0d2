// The engine against plain maps, over long lives without a death: commits, applies, flushes,
// installs and restarts of several Regions, drawn from a seed. What is done and how it is compared
// is the crash explorer's (tests/crash/engine).
#include <gtest/gtest.h>

#include "src/base/io/log.h"
#include "tests/crash/engine/engine_world.h"

namespace timber::storage {
namespace {

class NobodyDies : public crash::LifeWatcher<EngineWorld> {
  public:
    void at(const Life&, Moment) override {}
};

LifeCounts live(uint64_t seed, size_t deeds) {
    const Scenario scenario = draw_scenario(seed, {});
    NobodyDies watcher;
    Life life(scenario, {.seed = seed, .deeds = deeds}, watcher);
    life.run();
    EXPECT_FALSE(life.failure()) << "seed " << seed << ": " << *life.failure();
    return life.counts();
}

TEST(EngineModel, AnswersAsPlainMapsDo) {
    set_log_level(LogLevel::kOff);
    LifeCounts sum;
    for (uint64_t seed = 1; seed <= 100 && !HasFailure(); ++seed) {
        const LifeCounts counts = live(seed, 150);
        sum.commits += counts.commits;
        sum.applies += counts.applies;
        sum.changes += counts.changes;
        sum.flushes += counts.flushes;
        sum.checks += counts.checks;
        sum.openings += counts.openings;
    }
    // A run in which nothing happens shows nothing.
    EXPECT_GT(sum.commits, 8000u);
    EXPECT_GT(sum.applies, 800u);
    EXPECT_GT(sum.changes, 400u);
    EXPECT_GT(sum.flushes, 200u);
    EXPECT_GT(sum.checks, 120u);
    EXPECT_GT(sum.openings, 200u);
}

}  // namespace
}  // namespace timber::storage
