// Syncs of one directory that overlap, one of which fails.
#include "memtable/directory_sync.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/sim_disk.h"
#include "tests/support/sim_world.h"

namespace timber::memtable {
namespace {

struct Made {
    std::string path;
    Status synced;
};

TEST(DirectorySync, WhoIsToldOfSuccessHasDurableNamesWhoeverElseFailed) {
    size_t refused = 0;
    for (uint64_t seed = 1; seed <= 400; ++seed) {
        SimWorld world(seed);
        SimDisk disk(world);
        world.run_job([&] {
            ASSERT_TRUE(disk.make_directory("store"));
            ASSERT_TRUE(disk.sync_directory("/"));
        });
        DirectorySync names(disk, "store");
        disk.fail_nth(1 + seed % 3, DiskOperation::kSyncDirectory);
        std::vector<Made> made;
        for (const char* path : {"store/a", "store/b", "store/c"}) made.push_back({path, {}});
        for (Made& each : made) {
            world.executor().run("make a file", [&] {
                const uint64_t failures_before = names.failures();
                disk.close(disk.open(each.path, {.create = true}).value());
                each.synced = names.sync(failures_before);
            });
        }
        world.run_until_idle();
        size_t failed = 0;
        for (uint64_t cut = 1; cut <= 5; ++cut) {
            const DiskImage left = disk.image_after(Death::kPowerCut, cut);
            failed = 0;
            for (const Made& each : made) {
                failed += each.synced ? 0 : 1;
                EXPECT_TRUE(!each.synced || left.exists(each.path)) << seed << " " << each.path;
            }
        }
        EXPECT_GE(failed, 1u);
        refused += failed - 1;
    }
    EXPECT_GT(refused, 20u);
}

TEST(DirectorySync, AFailureBeforeTheFirstNameHarmsNobody) {
    SimWorld world(1);
    SimDisk disk(world);
    DirectorySync names(disk, "/");
    disk.fail_next(DiskOperation::kSyncDirectory);
    world.run_job([&] {
        EXPECT_FALSE(names.sync(names.failures()));
        EXPECT_TRUE(names.sync(names.failures()));
        EXPECT_EQ(names.sync(0).error().code, ErrorCode::kIoError);
    });
}

}  // namespace
}  // namespace timber::memtable
