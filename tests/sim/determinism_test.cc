// The same seed gives the same run: twice in one process, and in every build, because the hash is
// written down here. A change of behaviour that is meant changes it.
#include <gtest/gtest.h>

#include "src/base/io/log.h"
#include "tests/sim/run.h"

namespace timber::sim {

static constexpr uint64_t kExpected = 0x9111d26b78f99bfe;

static uint64_t hash_of_runs() {
    TraceHash hash;
    for (uint64_t seed = 1; seed <= 4; ++seed) {
        Totals totals;
        Run run(seed);
        run.play(totals, 20);
        hash.mix(run.trace_hash());
        hash.mix(totals.operations());
    }
    return hash.value();
}

TEST(Determinism, SameSeeds_GiveTheSameTracesHereAndInEveryBuild) {
    set_log_level(LogLevel::kOff);
    const uint64_t hash = hash_of_runs();
    EXPECT_EQ(hash, hash_of_runs());
    EXPECT_EQ(hash, kExpected) << "if the change is meant, kExpected becomes 0x" << std::hex
                               << hash;
}

}  // namespace timber::sim
