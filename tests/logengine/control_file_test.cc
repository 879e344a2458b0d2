#include "logengine/control_file.h"

#include <gtest/gtest.h>

#include "src/base/io/log.h"
#include "tests/support/sim_disk_fixture.h"

namespace timber::logengine {
namespace {

constexpr const char* kPath = "log/superblock";

// A superblock file in its third epoch, and what each epoch before left of it.
class ControlFileTest : public testing::Test {
  protected:
    ControlFileTest() {
        set_log_level(LogLevel::kError);
        machine.make_directory("log");
        machine.world().run_job([&] {
            auto control = ControlFile::create(machine.disk(), "log",
                                               {.log_id = LogId(5),
                                                .epoch = Epoch(1),
                                                .epoch_first_lsn = Lsn(1),
                                                .epoch_checksum = 0,
                                                .released_lsn = Lsn(),
                                                .block_bytes = kBlockBytes,
                                                .segment_bytes = 64_KiB});
            ASSERT_TRUE(control.ok());
            for (uint64_t epoch = 2; epoch <= 3; ++epoch) {
                before.push_back(settled());
                ASSERT_TRUE(
                    control->begin_epoch(machine.disk(), Lsn(epoch * 10), epoch, Lsn(epoch)).ok());
            }
            machine.disk().close(control->file());
        });
        image = settled();
    }
    DiskImage settled() {
        DiskImage now = machine.disk().image();
        now.settle();
        return now;
    }
    // The epoch that the file on `on` tells; 0 if it gives an error, which is kept.
    uint64_t epoch_on(DiskImage on) {
        SimMachine reader(2, {}, std::move(on));
        uint64_t epoch = 0;
        reader.world().run_job([&] {
            const auto control = ControlFile::open(reader.disk(), "log");
            if (control) {
                epoch = control->superblock().epoch.value();
                reader.disk().close(control->file());
            } else {
                error = control.error();
            }
        });
        return epoch;
    }

    SimMachine machine;
    std::vector<DiskImage> before;
    DiskImage image;
    Error error{.code = ErrorCode::kInvalidArgument};
};

TEST_F(ControlFileTest, TellsTheNewestEpoch) {
    EXPECT_EQ(epoch_on(image), 3u);
    EXPECT_EQ(epoch_on(before[1]), 2u);
    EXPECT_EQ(epoch_on(before[0]), 1u);
}

TEST_F(ControlFileTest, AnyFlippedBitLeavesTheNewestEpoch) {
    for (uint64_t bit = 0; bit < kSuperblockSlots * kControlBlockBytes * 8; bit += 1) {
        if (bit / 8 % kControlBlockBytes >= 80) continue;
        DiskImage damaged = image;
        damaged.flip_bit(kPath, bit);
        ASSERT_EQ(epoch_on(damaged), 3u) << bit;
    }
}

TEST_F(ControlFileTest, AnOlderOrEmptySectorLeavesTheNewestEpoch) {
    const std::vector<std::byte> zeros(kSectorBytes);
    for (uint64_t at = 0; at < kSuperblockFileBytes; at += kSectorBytes) {
        DiskImage damaged = image;
        damaged.overwrite(kPath, at, zeros);
        EXPECT_EQ(epoch_on(damaged), 3u) << at;
        for (const DiskImage& older : before) {
            damaged = image;
            damaged.overwrite(kPath, at, ByteView(older.bytes(kPath)).subspan(at, kSectorBytes));
            EXPECT_EQ(epoch_on(damaged), 3u) << at;
        }
    }
}

TEST_F(ControlFileTest, BothCopiesDamagedIsAnErrorWithThePlace) {
    image.flip_bit(kPath, 8 * 30);
    image.flip_bit(kPath, 8 * (kControlBlockBytes + 30));
    EXPECT_EQ(epoch_on(image), 0u);
    EXPECT_EQ(error.code, ErrorCode::kCorrupted);
    EXPECT_EQ(error.file, kPath);
    EXPECT_EQ(error.offset, 0u);
}

TEST_F(ControlFileTest, CopiesOfTwoLogsAreAnError) {
    std::array<std::byte, kControlBlockBytes> block;
    encode_superblock({.log_id = LogId(6),
                       .epoch = Epoch(9),
                       .epoch_first_lsn = Lsn(1),
                       .epoch_checksum = 0,
                       .released_lsn = Lsn(),
                       .block_bytes = kBlockBytes,
                       .segment_bytes = 64_KiB},
                      block);
    image.overwrite(kPath, kControlBlockBytes, block);
    EXPECT_EQ(epoch_on(image), 0u);
    EXPECT_EQ(error.code, ErrorCode::kCorrupted);
}

TEST_F(ControlFileTest, APowerCutAtAnyStepLeavesTheOldOrTheNewEpoch) {
    std::set<uint64_t> epochs;
    for (uint64_t step = 1; step <= 8; ++step) {
        for (uint64_t seed = 0; seed < 40; ++seed) {
            SimMachine dying(seed, {}, image);
            DiskImage left = image;
            uint64_t steps = 0;
            dying.world().run_job([&] {
                auto control = ControlFile::open(dying.disk(), "log");
                dying.disk().set_step_hook([&](const DiskStep&) {
                    if (++steps == step) left = dying.disk().image_after(Death::kPowerCut, seed);
                });
                TIMBER_ASSERT(control->begin_epoch(dying.disk(), Lsn(40), 4, Lsn(4)).ok());
                dying.disk().set_step_hook(nullptr);
                dying.disk().close(control->file());
            });
            epochs.insert(epoch_on(left));
        }
    }
    EXPECT_EQ(epochs, (std::set<uint64_t>{3, 4}));
}

TEST_F(ControlFileTest, WithoutAFileTheLogIsMissing) {
    image.remove_file(kPath);
    EXPECT_EQ(epoch_on(image), 0u);
    EXPECT_EQ(error.code, ErrorCode::kMissing);
}

}  // namespace
}  // namespace timber::logengine
