// TinyKV's cluster tests that tell a story of their own: 2B, 2C, and those of 3B that split
// nothing. Stores 1 to 5 stand at places 0 to 4.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/sim/tinykv_cluster.h"
#include "tests/sim/tinykv_seeds.h"

namespace timber::sim {
namespace {

using namespace std::chrono_literals;
constexpr auto kLock = memtable::Family::kLock;

std::vector<size_t> others(std::initializer_list<size_t> without, size_t servers = 5) {
    std::vector<size_t> places;
    for (size_t place = 0; place < servers; ++place) {
        if (std::find(without.begin(), without.end(), place) == without.end())
            places.push_back(place);
    }
    return places;
}

void one_partition(unsigned seed, bool harder) {
    TinyKv kv({.seed = seed, .servers = 5, .harder = harder});
    kv.play([&] {
        const size_t leader = kv.leader_place();
        const auto rest = others({leader});
        kv.cluster().between_steps(
            [&] { kv.partition({leader, rest[0], rest[1]}, {rest[2], rest[3]}); });
        kv.put("k1", "v1");
        kv.must_get("k1", "v1");
        kv.must_have(rest[2], "k1", std::nullopt);
        kv.must_have(rest[3], "k1", std::nullopt);
        kv.cluster().between_steps([&] {
            kv.clear_filters();
            kv.partition({leader, rest[0]}, {rest[1], rest[2], rest[3]});
        });
        kv.must_get("k1", "v1");
        kv.put("k1", "changed");
        kv.must_have(leader, "k1", "v1");
        kv.must_have(rest[0], "k1", "v1");
        kv.cluster().between_steps([&] {
            kv.clear_filters();
            if (kv.harder()) kv.restart_all();
        });
        kv.put("k2", "v2");
        kv.must_have(leader, "k2", "v2");
        kv.must_have(leader, "k1", "changed");
    });
}

void one_snapshot(unsigned seed, bool harder) {
    TinyKv kv({.seed = seed, .servers = 3, .harder = harder, .log_limit = 10});
    kv.play([&] {
        kv.put("k1", "v1", kLock);
        kv.put("k2", "v2", kLock);
        kv.must_have(0, "k1", "v1", kLock);
        kv.must_have(0, "k2", "v2", kLock);
        for (size_t place = 0; place < 3; ++place) {
            const storage::TruncatedState state = kv.truncated(place);
            if (state.index != raftstore::kInitialIndex || state.term != raftstore::kInitialTerm) {
                broken("compacted without need");
            }
        }
        kv.cluster().between_steps([&] { kv.partition({0}, {1, 2}); });
        for (int i = 100; i < 115; ++i)
            kv.put("k" + std::to_string(i), "v" + std::to_string(i), kLock);
        kv.remove("k2", kLock);
        kv.cluster().sleep(500ms);
        kv.must_have(0, "k100", std::nullopt, kLock);
        kv.cluster().between_steps([&] { kv.clear_filters(); });
        kv.must_have(0, "k1", "v1", kLock);
        kv.must_have(0, "k100", "v100", kLock);
        kv.must_have(0, "k2", std::nullopt, kLock);
        kv.cluster().between_steps([&] {
            if (kv.cluster().machine(0).up()) kv.cluster().machine(0).watch();
            kv.stop(0);
            kv.start(0);
        });
        kv.must_have(0, "k1", "v1", kLock);
        kv.must_hold_entries(20);
    });
    if (kv.cluster().counts().snapshots_installed == 0) broken("no snapshot was installed");
}

void transfer_leader(unsigned seed, bool harder) {
    TinyKv kv({.seed = seed, .servers = 5, .harder = harder});
    kv.play([&] {
        for (size_t place = 0; place < 5; ++place) kv.transfer(place);
    });
}

void basic_conf_change(unsigned seed, bool harder) {
    TinyKv kv({.seed = seed, .servers = 5, .harder = harder});
    kv.play([&] {
        kv.transfer(0);
        for (uint64_t peer = 2; peer <= 5; ++peer) kv.remove_peer(peer - 1, peer);
        kv.put("k1", "v1");
        kv.must_have(1, "k1", std::nullopt);
        kv.add_peer(1, 6);
        kv.put("k2", "v2");
        kv.must_get("k2", "v2");
        kv.must_have(1, "k1", "v1");
        kv.must_have(1, "k2", "v2");
        if (kv.region().epoch.conf_ver <= 1) broken("changes do not raise conf_ver");
        kv.must_have(4, "k1", std::nullopt);
        kv.add_peer(2, 7);
        kv.remove_peer(1, 6);
        kv.put("k3", "v3");
        kv.must_get("k3", "v3");
        for (const char* number : {"1", "2", "3"}) {
            kv.must_have(2, std::string("k") + number, std::string("v") + number);
        }
        kv.must_have(1, "k1", std::nullopt);
        kv.must_have(1, "k2", std::nullopt);
        kv.add_peer(1, 8);
        for (const char* number : {"1", "2", "3"}) {
            kv.must_have(1, std::string("k") + number, std::string("v") + number);
        }
        if (kv.harder()) kv.cluster().between_steps([&] { kv.restart_all(); });
        kv.remove_peer(1, 8);
        kv.add_peer(1, 9);
        kv.remove_peer(2, 7);
        kv.put("k4", "v4");
        kv.must_have(1, "k1", "v1");
        kv.must_have(1, "k4", "v4");
        kv.must_have(2, "k1", std::nullopt);
        kv.must_have(2, "k4", std::nullopt);
    });
}

void conf_change_remove_leader(unsigned seed, bool harder) {
    TinyKv kv({.seed = seed, .servers = 5, .harder = harder});
    kv.play([&] {
        kv.transfer(0);
        kv.remove_peer(0, 1);
        // It leads on until a majority knows that it is gone.
        for (int tries = 0; kv.leader_place() == 0; ++tries) {
            if (tries == 100) broken("a removed peer leads");
            kv.cluster().sleep(50ms);
        }
        kv.put("k0", "v0");
        kv.must_have(0, "k0", std::nullopt);
        kv.add_peer(0, 6);
        kv.must_have(0, "k0", "v0");
        kv.transfer(0);
        for (uint64_t peer = 2; peer <= 4; ++peer) kv.remove_peer(peer - 1, peer);
        // Two are left, and the one that leads goes.
        kv.remove_peer(0, 6);
        kv.put("k1", "v1");
        kv.must_have(4, "k1", "v1");
        kv.must_have(0, "k1", std::nullopt);
        if (kv.harder()) kv.cluster().between_steps([&] { kv.restart_all(); });
        kv.add_peer(0, 7);
        kv.must_have(0, "k1", "v1");
        kv.must_have(0, "k0", "v0");
    });
}

struct Story {
    const char* name;
    void (*play)(unsigned seed, bool harder);
};
constexpr Story kStories[] = {
    {"TestOnePartition2B", one_partition},
    {"TestOneSnapshot2C", one_snapshot},
    {"TestTransferLeader3B", transfer_leader},
    {"TestBasicConfChange3B", basic_conf_change},
    {"TestConfChangeRemoveLeader3B", conf_change_remove_leader},
};

class TinyKvStory : public testing::TestWithParam<Story> {};

TEST_P(TinyKvStory, AsItIs) {
    for_each_seed(GetParam().name, false, [&](unsigned seed) { GetParam().play(seed, false); });
}

TEST_P(TinyKvStory, Harder) {
    for_each_seed(GetParam().name, true, [&](unsigned seed) { GetParam().play(seed, true); });
}

INSTANTIATE_TEST_SUITE_P(Suite, TinyKvStory, testing::ValuesIn(kStories),
                         [](const auto& of) { return std::string(of.param.name); });

}  // namespace
}  // namespace timber::sim
