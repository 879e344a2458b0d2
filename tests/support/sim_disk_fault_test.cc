// Each fault that the simulated disk offers really happens, and nothing else does.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <vector>

#include "tests/support/sim_disk_fixture.h"

namespace timber {
namespace {

using namespace std::chrono_literals;

std::string read_text(SimMachine& machine, std::string_view path) {
    std::string text;
    machine.with_file(path, [&](FileHandle file) {
        std::vector<std::byte> bytes(10'000);
        const Result<size_t> got = await_read(machine.disk(), file, path, 0, bytes);
        text = got ? std::string(as_text(ByteView(bytes).first(*got))) : got.error().to_string();
    });
    return text;
}

TEST(SimDiskFault, TheNthOperationOfItsPathFails) {
    SimMachine machine;
    machine.durable_file("a", "x");
    machine.durable_file("b", "y");
    machine.disk().fail_nth(2, DiskOperation::kRead, "a", ErrorCode::kCorrupted);
    EXPECT_EQ(read_text(machine, "a"), "x");
    EXPECT_EQ(read_text(machine, "b"), "y");
    EXPECT_TRUE(read_text(machine, "a").starts_with("corrupted"));
    EXPECT_EQ(read_text(machine, "a"), "x");
    EXPECT_EQ(machine.disk().faults_met(FaultKind::kError), 1u);
}

TEST(SimDiskFault, AFailedWriteMayLeaveAnyOfItsSectorsAndNoneDurable) {
    Outcomes readable;
    for (uint64_t seed = 0; seed < 200; ++seed) {
        SimMachine machine(seed);
        machine.durable_file("a", std::string(1024, 'o'));
        machine.disk().fail_next(DiskOperation::kWrite);
        machine.with_file("a", [&](FileHandle file) {
            const std::string text(1024, 'x');
            const Status status = await_write(machine.disk(), file, "a", 0, as_bytes(text), true);
            EXPECT_EQ(status.error().code, ErrorCode::kIoError);
            EXPECT_TRUE(await_sync(machine.disk(), file, "a").ok());
        });
        readable.insert(describe(machine.disk().image()));
        EXPECT_TRUE(outcomes_of(machine.disk(), Death::kPowerCut, 100).contains("a=o*1024"));
    }
    const Outcomes all = {"a=o*1024", "a=x*512 o*512", "a=o*512 x*512", "a=x*1024"};
    EXPECT_EQ(readable, all);
}

TEST(SimDiskFault, FileOperationsFailWithoutEffect) {
    SimMachine machine;
    machine.durable_file("a", "x");
    SimDisk& disk = machine.disk();
    disk.fail_next(DiskOperation::kRename, "a");
    disk.fail_next(DiskOperation::kRemove, "a");
    disk.fail_next(DiskOperation::kOpen, "new", ErrorCode::kNoSpace);
    disk.fail_next(DiskOperation::kTruncate, "a");
    machine.world().run_job([&] {
        EXPECT_EQ(disk.rename("a", "b").error().code, ErrorCode::kIoError);
        EXPECT_EQ(disk.remove("a").error().code, ErrorCode::kIoError);
        EXPECT_EQ(disk.open("new", {.create = true}).error().code, ErrorCode::kNoSpace);
        const FileHandle file = *disk.open("a", {});
        EXPECT_EQ(disk.truncate(file, 0).error().file, "a");
        disk.close(file);
    });
    EXPECT_EQ(describe(disk.image()), "a=x");
    EXPECT_TRUE(disk.image().settled());
}

TEST(SimDiskFault, SpaceRunsOutAndComesBack) {
    SimMachine machine(1, {.capacity_bytes = 10 * kPageBytes});
    SimDisk& disk = machine.disk();
    machine.allocate("a", 8 * kPageBytes);
    machine.with_file("b", [&](FileHandle file) {
        EXPECT_EQ(*disk.free_space("/"), 2 * kPageBytes);
        EXPECT_EQ(await_allocate(disk, file, "b", 0, 3 * kPageBytes).error().code,
                  ErrorCode::kNoSpace);
        EXPECT_TRUE(await_allocate(disk, file, "b", 0, 2 * kPageBytes).ok());
        EXPECT_EQ(*disk.free_space("/"), 0u);
        const Status refused = await_write(disk, file, "b", 2 * kPageBytes, as_bytes("x"));
        EXPECT_EQ(refused.error().code, ErrorCode::kNoSpace);
        // What is allocated can be written.
        EXPECT_TRUE(await_write(disk, file, "b", kPageBytes, as_bytes("x")).ok());
        EXPECT_TRUE(disk.remove("a").ok());
        EXPECT_EQ(*disk.free_space("/"), 8 * kPageBytes);
        EXPECT_TRUE(await_write(disk, file, "b", 2 * kPageBytes, as_bytes("x")).ok());
    });
}

TEST(SimDiskFault, AnOpenFileHoldsItsSpaceWithoutAName) {
    SimMachine machine(1, {.capacity_bytes = 10 * kPageBytes});
    SimDisk& disk = machine.disk();
    machine.with_file("a", [&](FileHandle file) {
        EXPECT_TRUE(await_allocate(disk, file, "a", 0, 10 * kPageBytes).ok());
        EXPECT_TRUE(disk.remove("a").ok());
        EXPECT_EQ(*disk.free_space("/"), 0u);
    });
    machine.world().run_job([&] { EXPECT_EQ(*disk.free_space("/"), 10 * kPageBytes); });
}

TEST(SimDiskFault, AnUnsyncedAllocationMayBeGoneWhenItIsNeeded) {
    SimMachine machine(1, {.capacity_bytes = 10 * kPageBytes});
    machine.durable_file("a", "");
    machine.allocate("a", 8 * kPageBytes);
    uint64_t refused = 0;
    for (uint64_t seed = 0; seed < 100; ++seed) {
        SimMachine next(seed, {.capacity_bytes = 2 * kPageBytes},
                        machine.disk().image_after(Death::kPowerCut, seed));
        next.with_file("a", [&](FileHandle file) {
            const std::string text(4 * kPageBytes, 'x');
            const Status status = await_write(next.disk(), file, "a", 0, as_bytes(text));
            EXPECT_TRUE(status || status.error().code == ErrorCode::kNoSpace);
            refused += status ? 0 : 1;
        });
    }
    EXPECT_GT(refused, 20u);
    EXPECT_LT(refused, 80u);
}

TEST(SimDiskFault, PermissionIsDenied) {
    SimMachine machine;
    machine.durable_file("a", "x");
    machine.disk().deny("a");
    machine.world().run_job([&] {
        EXPECT_EQ(machine.disk().open("a", {}).error().code, ErrorCode::kPermissionDenied);
        EXPECT_EQ(machine.disk().remove("a").error().code, ErrorCode::kPermissionDenied);
        machine.disk().clear_faults();
        const FileHandle file = *machine.disk().open("a", {});
        machine.disk().close(file);
    });
}

size_t bits_that_differ(std::string_view left, std::string_view right) {
    EXPECT_EQ(left.size(), right.size());
    size_t bits = 0;
    for (size_t index = 0; index < left.size(); ++index)
        bits += static_cast<size_t>(
            std::popcount(static_cast<unsigned char>(left[index] ^ right[index])));
    return bits;
}

TEST(SimDiskFault, ABitFlipsOnRead) {
    SimMachine machine;
    const std::string text(3000, 'x');
    machine.durable_file("a", text);
    machine.disk().inject({.operation = DiskOperation::kRead, .kind = FaultKind::kBitFlip});
    EXPECT_EQ(bits_that_differ(read_text(machine, "a"), text), 1u);
    EXPECT_EQ(read_text(machine, "a"), text);
}

TEST(SimDiskFault, ABitFlipsOnWrite) {
    SimMachine machine;
    const std::string text(3000, 'x');
    machine.disk().inject({.operation = DiskOperation::kWrite, .kind = FaultKind::kBitFlip});
    machine.write("a", 0, text);
    EXPECT_EQ(bits_that_differ(read_text(machine, "a"), text), 1u);
}

TEST(SimDiskFault, AWriteLandsElsewhere) {
    for (uint64_t seed = 0; seed < 50; ++seed) {
        SimMachine machine(seed);
        machine.durable_file("a", std::string(4 * kPageBytes, 'o'));
        machine.disk().inject({.operation = DiskOperation::kWrite, .kind = FaultKind::kMisdirect});
        machine.write("a", kPageBytes, std::string(kPageBytes, 'x'));
        const std::string found(as_text(machine.disk().image().bytes("a")));
        EXPECT_EQ(found.size(), 4 * kPageBytes);
        EXPECT_EQ(std::ranges::count(found, 'x'), static_cast<ptrdiff_t>(kPageBytes));
        EXPECT_NE(found.find('x'), kPageBytes);
    }
}

TEST(SimDiskFault, AWriteIsReportedAndNeverThere) {
    SimMachine machine;
    machine.durable_file("a", "o");
    machine.disk().inject({.operation = DiskOperation::kWrite, .kind = FaultKind::kLose});
    machine.write("a", 0, "x", true);
    EXPECT_EQ(read_text(machine, "a"), "o");
    EXPECT_EQ(machine.disk().faults_met(FaultKind::kLose), 1u);
}

TEST(SimDiskFault, ASyncIsReportedAndKeepsNothing) {
    SimMachine machine;
    machine.durable_file("a", "o");
    machine.write("a", 0, "x");
    machine.disk().inject({.operation = DiskOperation::kSync, .kind = FaultKind::kLose});
    machine.sync("a");
    EXPECT_EQ(outcomes_of(machine.disk(), Death::kPowerCut), (Outcomes{"a=o", "a=x"}));
    machine.sync("a");
    EXPECT_EQ(outcomes_of(machine.disk(), Death::kPowerCut), Outcomes{"a=x"});
}

TEST(SimDiskFault, AnOperationStalls) {
    SimMachine machine(1, {.stall = 5s});
    machine.disk().inject({.operation = DiskOperation::kSync, .kind = FaultKind::kStall});
    const Instant before = machine.world().now();
    machine.sync("a");
    EXPECT_GE(machine.world().now() - before, 5s);
    machine.sync("a");
    EXPECT_LT(machine.world().now() - before, 6s);
}

TEST(SimDiskFault, RandomFaultsComeAtTheirRate) {
    SimMachine machine(1, {.read_errors_per_million = 100'000,
                           .write_errors_per_million = 100'000,
                           .sync_errors_per_million = 100'000,
                           .read_bit_flips_per_million = 100'000});
    SimDisk& disk = machine.disk();
    std::array<uint64_t, 3> failed{};
    machine.with_file("a", [&](FileHandle file) {
        std::vector<std::byte> bytes(100);
        for (int turn = 0; turn < 1000; ++turn) {
            failed[0] += await_read(disk, file, "a", 0, bytes).ok() ? 0 : 1;
            failed[1] += await_write(disk, file, "a", 0, bytes).ok() ? 0 : 1;
            failed[2] += await_sync(disk, file, "a").ok() ? 0 : 1;
        }
    });
    for (const uint64_t count : failed) {
        EXPECT_GT(count, 60u);
        EXPECT_LT(count, 150u);
    }
    EXPECT_GT(disk.faults_met(FaultKind::kBitFlip), 50u);
    EXPECT_EQ(disk.faults_met(FaultKind::kError), failed[0] + failed[1] + failed[2]);
}

TEST(SimDiskFault, AReadInTwoPartsSeesAWriteInItsMiddle) {
    uint64_t mixed = 0;
    for (uint64_t seed = 0; seed < 300; ++seed) {
        SimMachine machine(seed, {.short_reads_percent = 100});
        machine.durable_file("a", std::string(8192, 'o'));
        machine.with_file("a", [&](FileHandle file) {
            std::string text(8192, '?');
            const std::string written(8192, 'x');
            IoOp read;
            IoOp write;
            read.prepare_read(file, 0, {reinterpret_cast<std::byte*>(text.data()), text.size()});
            write.prepare_write(file, 0, as_bytes(written));
            machine.disk().submit(read);
            machine.disk().submit(write);
            machine.disk().wait(read);
            machine.disk().wait(write);
            EXPECT_EQ(*read.result(), 8192u);
            // Old bytes first, if both.
            EXPECT_TRUE(std::ranges::is_sorted(text));
            mixed += text.front() != text.back() ? 1 : 0;
        });
    }
    EXPECT_GT(mixed, 30u);
}

TEST(SimDiskFault, ImagesCanBeDamaged) {
    SimMachine machine;
    machine.durable_file("a", std::string(512, 'x') + std::string(512, 'y'));
    DiskImage image = machine.disk().image();
    const uint64_t before = image.readable_fingerprint();
    image.swap_sectors("a", 0, 1);
    EXPECT_EQ(describe(image), "a=y*512 x*512");
    EXPECT_NE(image.readable_fingerprint(), before);
    image.swap_sectors("a", 0, 1);
    EXPECT_EQ(image.readable_fingerprint(), before);
    image.flip_bit("a", 8);
    EXPECT_EQ(image.bytes("a")[1], std::byte{'x' ^ 1});
    image.overwrite("a", 1, as_bytes("x"));
    image.cut("a", 3);
    EXPECT_EQ(describe(image), "a=x*3");
    image.put_file("d/e/b", as_bytes("new"));
    EXPECT_EQ(describe(image), "a=x*3 d/e/b=new");
    image.remove_file("a");
    EXPECT_EQ(image.paths(), std::vector<std::string>{"d/e/b"});
    EXPECT_TRUE(image.settled());
    EXPECT_EQ(outcomes_of_power_cut(image, 100), Outcomes{"d/e/b=new"});
    // The disk itself took no notice.
    EXPECT_EQ(describe(machine.disk().image()), "a=x*512 y*512");
}

}  // namespace
}  // namespace timber
