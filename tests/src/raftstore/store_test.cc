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

// What Raft has for the disk at once is more than the log takes in a batch: it goes in several.
TEST(ThreeStores, WhoCatchesUpWritesNoMoreAtOnceThanItsLogTakes) {
    Cluster cluster(3);
    for (uint64_t store = 1; store <= 3; ++store) {
        cluster.node(store).options.engine.log.segment_bytes = 64_KiB;
    }
    cluster.start();
    cluster.must_put("first", "v");
    const uint64_t away = cluster.wait_leader() % 3 + 1;
    cluster.isolate(away);
    for (int i = 0; i < 100; ++i) cluster.must_put("k" + std::to_string(i), std::string(1000, 'v'));
    cluster.heal();
    ASSERT_TRUE(cluster.wait_for([&] { return cluster.settled(); }));
    EXPECT_TRUE(cluster.node(away).failures.empty());
    EXPECT_EQ(cluster.contents(away).size(), 101u);
}

// The lease of a read was over when its job came back. The Store had been closed by then, and the
// read was to wait for a round of heartbeats that nobody would ask for any more.
TEST(ThreeStores, AReadWhoseJobOutlivesLeaseAndStoreIsAnswered) {
    Cluster cluster(3);
    for (uint64_t store = 1; store <= 3; ++store) cluster.node(store).options.lease_reads = true;
    cluster.start();
    // More than a memory table holds, so that the first value is read from the disk.
    for (int i = 0; i < 300; ++i) cluster.must_put("k" + std::to_string(i), std::string(1000, 'v'));
    // Flushes and compactions end.
    cluster.run_for(std::chrono::seconds(2));
    Node& leader = cluster.node(cluster.wait_leader());
    const AnswerRef read = cluster.get(leader.id().value(), "k0");
    ASSERT_TRUE(cluster.wait_for([&] { return leader.disk().in_flight().reads > 0; }));
    leader.loop().set_paused(true);
    leader.begin_close();
    cluster.run_for(std::chrono::seconds(3));
    leader.loop().set_paused(false);
    leader.close();
    EXPECT_TRUE(read->refused(RegionError::Kind::kServerBusy));
}

}  // namespace
}  // namespace timber::raftstore
