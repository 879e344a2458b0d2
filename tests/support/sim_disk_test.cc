#include "tests/support/sim_disk.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace timber {
namespace {

TEST(SimDisk, AJobWritesAndReadsBack) {
    SimWorld world(1);
    SimDisk disk(world);
    world.run_job([&] {
        const FileHandle file = *disk.open("file", {.create = true});
        ASSERT_TRUE(await_write(disk, file, "file", 0, as_bytes("hello")).ok());
        std::vector<std::byte> read(10);
        EXPECT_EQ(*await_read(disk, file, "file", 0, read), 5u);
        EXPECT_EQ(as_text(ByteView(read).first(5)), "hello");
        disk.close(file);
    });
    EXPECT_FALSE(disk.image().settled());
}

TEST(SimDisk, ACrashGivesEveryOperationCrashed) {
    SimWorld world(1);
    SimDisk disk(world);
    world.run_job([&] {
        const FileHandle file = *disk.open("file", {.create = true});
        IoOp write;
        write.prepare_write(file, 0, as_bytes("hello"));
        disk.submit(write);
        disk.crash(Death::kPowerCut, 1);
        disk.wait(write);
        EXPECT_EQ(write.result().error().code, ErrorCode::kCrashed);
        EXPECT_EQ(await_sync(disk, file, "file").error().code, ErrorCode::kCrashed);
        EXPECT_EQ(disk.list("/").error().code, ErrorCode::kCrashed);
        disk.close(file);
    });
    EXPECT_TRUE(disk.image().settled());
}

}  // namespace
}  // namespace timber
