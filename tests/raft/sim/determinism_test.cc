// The same seed gives the same run: twice in one process, and in every build. The hash of the
// traces stands in trace_hash.txt, so the release and the asan build are compared through it. A
// change of behaviour that is meant changes it: put the new hash there.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/raft/sim/sim_cluster.h"

namespace timber::raft::sim {

static uint64_t hash_of_runs() {
    uint64_t hash = 0;
    for (uint64_t seed = 1; seed <= 30; ++seed) {
        Counts counts;
        Cluster cluster(seed, counts);
        cluster.run(4000);
        hash = fingerprint(hash, cluster.trace_hash());
    }
    return hash;
}

TEST(Determinism, SameSeeds_GiveTheSameTracesHereAndInEveryBuild) {
    const uint64_t hash = hash_of_runs();
    EXPECT_EQ(hash, hash_of_runs());
    std::ifstream file(TIMBER_TRACE_HASH_FILE);
    uint64_t expected = 0;
    file >> std::hex >> expected;
    EXPECT_EQ(hash, expected) << "if the change is meant, write " << std::hex << hash << " to "
                              << TIMBER_TRACE_HASH_FILE;
}

}  // namespace timber::raft::sim
