// A Store and a few of them: forming, electing, writing, reading, restarting.
#include "tests/src/raftstore/cluster.h"

namespace timber::raftstore {
namespace {

TEST(StoreOfOne, PutsAndGets) {
    Cluster cluster(1);
    cluster.start();
    EXPECT_EQ(cluster.wait_leader(), 1u);
    cluster.must_put("k1", "v1");
    EXPECT_EQ(cluster.must_get("k1"), "v1");
    EXPECT_EQ(cluster.must_get("k2"), std::nullopt);
}

TEST(StoreOfOne, RestartKeepsWhatWasAnswered) {
    Cluster cluster(1);
    cluster.start();
    cluster.must_put("k1", "v1");
    cluster.node(1).crash(Death::kPowerCut, 5);
    const Status opened = cluster.node(1).open();
    ASSERT_TRUE(opened.ok()) << opened.error().to_string();
    EXPECT_EQ(cluster.must_get("k1"), "v1");
}

TEST(ThreeStores, ElectReplicateAndAnswer) {
    Cluster cluster(3);
    cluster.start();
    for (int i = 0; i < 20; ++i) cluster.must_put("k" + std::to_string(i), "v" + std::to_string(i));
    EXPECT_EQ(cluster.must_get("k7"), "v7");
    ASSERT_TRUE(cluster.wait_for([&] { return cluster.settled(); }));
    for (uint64_t store = 1; store <= 3; ++store) {
        EXPECT_EQ(cluster.contents(store).size(), 20u);
        cluster.node(store).store().check_invariants();
    }
}

}  // namespace
}  // namespace timber::raftstore
