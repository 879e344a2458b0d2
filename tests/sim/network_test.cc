#include "tests/sim/network.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace timber::sim {
namespace {

using namespace std::chrono_literals;
using raftstore::Envelope;
using raftstore::StoreId;

// Numbers go from place 0 to place 1 as transfers of nothing.
struct Wire {
    explicit Wire(uint64_t seed) : world(seed), network(world, 2) {
        from = network.plug_in(0, [](Envelope) {}, [this](StoreId) { ++unreachable; });
        to = network.plug_in(1, [this](Envelope envelope) {
            arrived.push_back(std::get<raftstore::SnapshotAck>(envelope.body).offset);
        });
    }
    void send(uint64_t count) {
        for (uint64_t i = 0; i < count; ++i) {
            Envelope envelope{.from = StoreId(1), .to = StoreId(2)};
            envelope.body = raftstore::SnapshotAck{.offset = sent++};
            from->send(SimNetwork::address_of(1), std::move(envelope));
        }
    }
    SimWorld world;
    SimNetwork network;
    std::unique_ptr<SimNetwork::Port> from, to;
    std::vector<uint64_t> arrived;
    uint64_t sent = 0;
    int unreachable = 0;
};

TEST(SimNetwork, ALinkWithoutFaults_KeepsTheOrder) {
    Wire wire(1);
    wire.send(200);
    wire.world.run_until_idle();
    ASSERT_EQ(wire.arrived.size(), 200u);
    EXPECT_TRUE(std::is_sorted(wire.arrived.begin(), wire.arrived.end()));
}

TEST(SimNetwork, FaultsLoseDoubleAndOvertake) {
    Wire wire(2);
    wire.network.faults = {
        .lose_per_mille = 300, .double_per_mille = 300, .reorder = true, .tell_unreachable = true};
    wire.send(500);
    wire.world.run_until_idle();
    EXPECT_GT(wire.network.lost(), 50u);
    EXPECT_GT(wire.network.doubled(), 50u);
    EXPECT_GT(wire.network.overtaken(), 50u);
    EXPECT_GT(wire.unreachable, 5);
    EXPECT_EQ(wire.arrived.size(), 500 - wire.network.lost() + wire.network.doubled());
}

TEST(SimNetwork, ABlockedLink_LosesWhatIsUnderWayToo) {
    Wire wire(3);
    wire.send(10);
    wire.network.block(0, 1, true);
    wire.send(10);
    wire.world.run_until_idle();
    EXPECT_TRUE(wire.arrived.empty());
    EXPECT_TRUE(wire.network.cut());
    wire.network.heal();
    wire.send(3);
    wire.world.run_until_idle();
    EXPECT_EQ(wire.arrived.size(), 3u);
}

TEST(SimNetwork, AnUnpluggedPort_NeitherSendsNorReceives) {
    Wire wire(4);
    wire.send(3);
    wire.to->unplug();
    wire.world.run_until_idle();
    EXPECT_TRUE(wire.arrived.empty());
    wire.from->unplug();
    const uint64_t lost = wire.network.lost();
    wire.send(3);
    EXPECT_EQ(wire.network.lost(), lost);
}

TEST(SimNetwork, TheSameSeedGivesTheSameArrivals) {
    std::vector<uint64_t> arrivals[2];
    for (auto& one : arrivals) {
        Wire wire(5);
        wire.network.faults = {.lose_per_mille = 100, .double_per_mille = 100, .reorder = true};
        wire.send(300);
        wire.world.run_until_idle();
        one = wire.arrived;
    }
    EXPECT_EQ(arrivals[0], arrivals[1]);
}

}  // namespace
}  // namespace timber::sim
