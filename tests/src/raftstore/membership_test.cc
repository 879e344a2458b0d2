// Members that come, catch up, lead, and go; and snapshots on a network that loses them.
#include <fmt/core.h>

#include "tests/src/raftstore/cluster.h"

namespace timber::raftstore {
namespace {

using Type = raft::ConfChangeType;

// A member that was away for longer than the log goes back gets the state instead.
TEST(ThreeStores, WhoLagsGetsASnapshot) {
    Cluster cluster(3);
    for (uint64_t store = 1; store <= 3; ++store) {
        StoreOptions& options = cluster.node(store).options;
        options.log_gc_interval = std::chrono::milliseconds(200);
        options.log_gc_entries = 10;
        options.log_gc_lag_entries_max = 20;
    }
    cluster.start();
    cluster.must_put("gone", "1");
    ASSERT_TRUE(cluster.wait_for([&] { return cluster.settled(); }));
    const uint64_t away = cluster.wait_leader() % 3 + 1;
    cluster.isolate(away);
    const AnswerRef removed = cluster.wait(cluster.remove(cluster.wait_leader(), "gone"));
    ASSERT_TRUE(removed->done());
    for (int i = 0; i < 60; ++i) cluster.must_put("k" + std::to_string(i), std::string(500, 'v'));
    ASSERT_TRUE(cluster.wait_for(
        [&] { return cluster.status(cluster.leader()).truncated.index > raft::LogIndex(30); }));
    // A fifth of what is said about the snapshot is lost.
    Random random(3);
    cluster.filter = [&](StoreId, StoreId, const Envelope& envelope) {
        return std::holds_alternative<RaftMessage>(envelope.body) || !random.one_in(5);
    };
    ASSERT_TRUE(cluster.wait_for([&] { return cluster.settled(); }, std::chrono::seconds(120)));
    EXPECT_GE(cluster.node(away).store().status().snapshots_received, 1u);
    EXPECT_EQ(cluster.contents(away), cluster.contents(cluster.leader()));
    EXPECT_FALSE(cluster.contents(away).contains("gone"));
}

TEST(Membership, ALearnerCatchesUpIsPromotedAndReplacesAnother) {
    Cluster cluster(3);
    cluster.start();
    for (int i = 0; i < 30; ++i) cluster.must_put("k" + std::to_string(i), "v");
    cluster.add_node();
    PeerMeta four = cluster.peer_on(4);
    cluster.must_change(Type::kAddLearner, four);
    ASSERT_TRUE(cluster.wait_for([&] { return cluster.settled(); }));
    EXPECT_EQ(cluster.contents(4).size(), 30u);
    cluster.must_change(Type::kAddVoter, four);
    const uint64_t victim = cluster.wait_leader() % 3 + 1;
    const Region region = cluster.must_change(Type::kRemove, cluster.peer_on(victim));
    EXPECT_EQ(region.peers.size(), 3u);
    EXPECT_TRUE(cluster.wait_for([&] { return !cluster.has_peer(victim); }));
    EXPECT_TRUE(cluster.contents(victim).empty());
    cluster.must_transfer(4);
    cluster.must_put("last", "v");
    ASSERT_TRUE(cluster.wait_for([&] { return cluster.settled(); }));
    // Its old number never comes back, and a new one does.
    PeerMeta again = cluster.peer_on(victim);
    again.id = PeerId(999);
    cluster.must_change(Type::kAddVoter, again);
    ASSERT_TRUE(cluster.wait_for([&] { return cluster.settled(); }));
    EXPECT_EQ(cluster.contents(victim), cluster.contents(4));
}

TEST(Membership, ALeaderThatIsRemovedHandsOver) {
    Cluster cluster(3);
    cluster.start();
    const uint64_t leads = cluster.wait_leader();
    cluster.must_change(Type::kRemove, cluster.peer_on(leads));
    EXPECT_TRUE(cluster.wait_for([&] { return !cluster.has_peer(leads); }));
    cluster.must_put("k", "v");
    EXPECT_EQ(cluster.must_get("k"), "v");
}

// Promise 9.
TEST(Incarnations, AWipedStoreIsAStranger) {
    Cluster cluster(3);
    cluster.start();
    cluster.must_put("k", "v");
    ASSERT_TRUE(cluster.wait_for([&] { return cluster.settled(); }));
    Node& wiped = cluster.node(3);
    const Region region = cluster.status(1).region;
    wiped.close();
    wiped.wipe();
    wiped.options.formation =
        Formation{{Cluster::kCluster, StoreId(3), Incarnation(4711)}, {region}};
    ASSERT_TRUE(wiped.open().ok());
    cluster.run_for(std::chrono::seconds(10));
    EXPECT_FALSE(wiped.strangers.empty());
    EXPECT_FALSE(cluster.node(1).strangers.empty());
    EXPECT_FALSE(cluster.node(2).strangers.empty());
    EXPECT_EQ(cluster.status(3).raft.last_index, kInitialIndex);
}

// Many Regions, and power lost everywhere at once.
TEST(ManyRegions, SurviveThePowerCut) {
    Cluster cluster(3, 20);
    cluster.start();
    const auto key_of = [](size_t number) { return fmt::format("k{:04}x", (number - 1) * 10); };
    for (size_t number = 1; number <= 20; number += 3) {
        const Region region = cluster.status(1, Cluster::region_id(number)).region;
        cluster.must_put(key_of(number), "v", region.id);
    }
    for (uint64_t store = 1; store <= 3; ++store)
        cluster.node(store).crash(Death::kPowerCut, store);
    for (uint64_t store = 1; store <= 3; ++store) ASSERT_TRUE(cluster.node(store).open().ok());
    for (size_t number = 1; number <= 20; number += 3) {
        cluster.wait_leader(Cluster::region_id(number));
        const Region region = cluster.status(1, Cluster::region_id(number)).region;
        EXPECT_EQ(cluster.must_get(key_of(number), region.id), "v");
    }
}

}  // namespace
}  // namespace timber::raftstore
