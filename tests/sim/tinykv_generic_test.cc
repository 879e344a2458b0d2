// TinyKV's cluster tests that are the generic one with parameters: 2B, 2C, and those of 3B that
// split nothing.
#include <gtest/gtest.h>

#include "tests/sim/tinykv_cluster.h"
#include "tests/sim/tinykv_seeds.h"

namespace timber::sim {
namespace {

// The suite's columns; the rest is off.
constexpr GenericTest kTests[] = {
    {.name = "TestBasic2B", .clients = 1},
    {.name = "TestConcurrent2B", .clients = 5},
    {.name = "TestUnreliable2B", .clients = 5, .unreliable = true},
    {.name = "TestManyPartitionsOneClient2B", .clients = 1, .partitions = true},
    {.name = "TestManyPartitionsManyClients2B", .clients = 5, .partitions = true},
    {.name = "TestPersistOneClient2B", .clients = 1, .crash = true},
    {.name = "TestPersistConcurrent2B", .clients = 5, .crash = true},
    {.name = "TestPersistConcurrentUnreliable2B", .clients = 5, .unreliable = true, .crash = true},
    {.name = "TestPersistPartition2B", .clients = 5, .crash = true, .partitions = true},
    {.name = "TestPersistPartitionUnreliable2B",
     .clients = 5,
     .unreliable = true,
     .crash = true,
     .partitions = true},
    {.name = "TestSnapshotRecover2C", .clients = 1, .crash = true, .log_limit = 100},
    {.name = "TestSnapshotRecoverManyClients2C", .clients = 20, .crash = true, .log_limit = 100},
    {.name = "TestSnapshotUnreliable2C", .clients = 5, .unreliable = true, .log_limit = 100},
    {.name = "TestSnapshotUnreliableRecover2C",
     .clients = 5,
     .unreliable = true,
     .crash = true,
     .log_limit = 100},
    {.name = "TestSnapshotUnreliableRecoverConcurrentPartition2C",
     .clients = 5,
     .unreliable = true,
     .crash = true,
     .partitions = true,
     .log_limit = 100},
    {.name = "TestConfChangeRecover3B", .clients = 1, .crash = true, .confchange = true},
    {.name = "TestConfChangeRecoverManyClients3B",
     .clients = 20,
     .crash = true,
     .confchange = true},
    {.name = "TestConfChangeUnreliable3B", .clients = 5, .unreliable = true, .confchange = true},
    {.name = "TestConfChangeUnreliableRecover3B",
     .clients = 5,
     .unreliable = true,
     .crash = true,
     .confchange = true},
    {.name = "TestConfChangeSnapshotUnreliableRecover3B",
     .clients = 5,
     .unreliable = true,
     .crash = true,
     .log_limit = 100,
     .confchange = true},
    {.name = "TestConfChangeSnapshotUnreliableRecoverConcurrentPartition3B",
     .clients = 5,
     .unreliable = true,
     .crash = true,
     .partitions = true,
     .log_limit = 100,
     .confchange = true},
};

class TinyKvGeneric : public testing::TestWithParam<GenericTest> {};

TEST_P(TinyKvGeneric, AsItIs) {
    const GenericTest& test = GetParam();
    for_each_seed(test.name, false, [&](unsigned seed) { play_generic(test, seed, false); });
}

TEST_P(TinyKvGeneric, Harder) {
    const GenericTest& test = GetParam();
    for_each_seed(test.name, true, [&](unsigned seed) { play_generic(test, seed, true); });
}

INSTANTIATE_TEST_SUITE_P(Suite, TinyKvGeneric, testing::ValuesIn(kTests),
                         [](const auto& of) { return std::string(of.param.name); });

}  // namespace
}  // namespace timber::sim
