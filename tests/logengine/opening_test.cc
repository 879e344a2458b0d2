// What open() makes of directories that are not as it left them.
#include <gtest/gtest.h>

#include "logengine/control_file.h"
#include "src/base/checksum.h"
#include "src/base/coding.h"
#include "tests/logengine/log_fixture.h"
#include "tests/logengine/log_image.h"

namespace timber::logengine {
namespace {

// A closed log of several segments, whose files the tests then tamper with.
class Opening : public testing::Test {
  protected:
    Opening() {
        TIMBER_ASSERT(log.open().ok());
        for (int i = 0; i < 10; ++i) log.append_and_wait({std::string(20000, 'x')});
        log.close();
        image = log.settled_image();
    }
    Status open_tampered() {
        log.restart_on(image);
        return log.open();
    }
    // Recomputes the checksum of a control block, `covered` bytes long, after setting its version.
    void set_version(const std::string& path, uint64_t offset, size_t covered, uint32_t version) {
        std::vector<std::byte> block = image.bytes(path);
        block.erase(block.begin(), block.begin() + static_cast<ptrdiff_t>(offset));
        store(block.data() + 8, version);
        store(block.data() + covered, checksum64(ByteView(block).first(covered)));
        image.overwrite(path, offset, ByteView(block).first(covered + 8));
    }
    static constexpr size_t kSuperblockCovered = 68;
    static constexpr size_t kSegmentCovered = 52;
    // The ten batches fill four files; the fifth waits.
    static constexpr const char* in_reserve = "log/segment-000005";

    LogFixture log;
    DiskImage image;
};

TEST_F(Opening, AMissingLogIsReportedIfItIsNotToBeMade) {
    log.options.directory = "elsewhere";
    log.options.create = false;
    EXPECT_TRUE(fails(log.open(), ErrorCode::kMissing, "elsewhere", "there is no log here"));
    EXPECT_FALSE(log.disk().image().exists("elsewhere"));
}

TEST_F(Opening, ADirectoryOfSomethingElseIsLeftAlone) {
    image.put_file("photos/cat.jpg", as_bytes("meow"));
    log.options.directory = "photos";
    EXPECT_TRUE(fails(open_tampered(), ErrorCode::kWrongFormat, "photos", "'cat.jpg'"));
    EXPECT_EQ(log.disk().image().paths().front(), "log/lock");
    EXPECT_FALSE(log.disk().image().exists("photos/lock"));
}

TEST_F(Opening, OptionsOutsideTheirRangeAreRefused) {
    log.options.segment_bytes = 100'000;
    EXPECT_TRUE(fails(log.open(), ErrorCode::kInvalidArgument, "", "segment_bytes"));
    log.options.segment_bytes = 64_KiB;
    log.options.writes_in_flight_max = 9;
    EXPECT_TRUE(fails(log.open(), ErrorCode::kInvalidArgument, "", "writes_in_flight_max"));
}

TEST_F(Opening, ANewerSuperblockIsNotTouched) {
    set_version("log/superblock", kControlBlockBytes, kSuperblockCovered, 2);
    const Status opened = open_tampered();
    EXPECT_TRUE(fails(opened, ErrorCode::kNewerFormat, "log/superblock", "use a newer program"));
    EXPECT_EQ(opened.error().offset, kControlBlockBytes);
    EXPECT_EQ(log.disk().image().bytes("log/superblock"), image.bytes("log/superblock"));
}

TEST_F(Opening, ANewerSegmentIsNotTouched) {
    set_version("log/segment-000002", 0, kSegmentCovered, 2);
    EXPECT_TRUE(fails(open_tampered(), ErrorCode::kNewerFormat, "log/segment-000002"));
    EXPECT_EQ(log.disk().image().bytes("log/segment-000002"), image.bytes("log/segment-000002"));
}

TEST_F(Opening, AnImpossibleVersionIsDamage) {
    for (const size_t slot : {size_t{0}, size_t{1}})
        set_version("log/superblock", slot * kControlBlockBytes, kSuperblockCovered, 0);
    EXPECT_TRUE(fails(open_tampered(), ErrorCode::kCorrupted, "log/superblock", "version"));
}

TEST_F(Opening, WithoutItsSuperblockAUsedLogIsNotMadeAnew) {
    image.remove_file("log/superblock");
    EXPECT_TRUE(fails(open_tampered(), ErrorCode::kMissing, "log/superblock", "restore it"));
    EXPECT_EQ(log_files(log.disk().image()).size(), log_files(image).size());
}

TEST_F(Opening, ASuperblockFileThatIsCutShortIsReported) {
    image.cut("log/superblock", 5000);
    const Status opened = open_tampered();
    EXPECT_TRUE(fails(opened, ErrorCode::kCorrupted, "log/superblock", "cut short"));
    EXPECT_EQ(opened.error().offset, 5000u);
}

TEST_F(Opening, BothSuperblockCopiesDamagedIsReported) {
    image.flip_bit("log/superblock", 8 * 20);
    image.flip_bit("log/superblock", 8 * (kControlBlockBytes + 20));
    EXPECT_TRUE(fails(open_tampered(), ErrorCode::kCorrupted, "log/superblock", "checksum"));
}

TEST_F(Opening, WithoutWitnessesTheLogIsThere) {
    image.cut("log/superblock", 2 * kControlBlockBytes);
    ASSERT_TRUE(open_tampered().ok());
    EXPECT_EQ(log.seen_payloads().size(), 10u);
}

TEST_F(Opening, ANewerRetiredFileIsNotTouched) {
    constexpr size_t kRetiredCovered = 36;
    set_version(in_reserve, 0, kRetiredCovered, 2);
    EXPECT_TRUE(fails(open_tampered(), ErrorCode::kNewerFormat, in_reserve));
    EXPECT_EQ(log.disk().image().bytes(in_reserve), image.bytes(in_reserve));
}

TEST_F(Opening, OfARetiredFileOnlyTheBeginningIsRead) {
    // Without its witnesses the log does not look as if it had been closed.
    image.cut("log/superblock", 2 * kControlBlockBytes);
    log.restart_on(image);
    uint64_t reads = 0;
    log.disk().set_step_hook([&](const DiskStep& step) {
        if (step.operation != DiskOperation::kRead || step.path != in_reserve) return;
        EXPECT_LE(step.offset + step.bytes, 2 * kBlockBytes);
        ++reads;
    });
    ASSERT_TRUE(log.open().ok());
    log.disk().set_step_hook({});
    EXPECT_GT(reads, 0u);
    EXPECT_EQ(log.log().stats().segments_spare, 1u);
    EXPECT_EQ(log.seen_payloads().size(), 10u);
}

TEST_F(Opening, AnUnfinishedFileIsRemovedUnread) {
    const std::string unfinished = "log/segment-000042.new";
    image.put_file(unfinished, std::vector<std::byte>(log.options.segment_bytes));
    image.cut("log/superblock", 2 * kControlBlockBytes);
    log.restart_on(image);
    log.disk().set_step_hook([&](const DiskStep& step) {
        EXPECT_FALSE(step.operation == DiskOperation::kRead && step.path == unfinished);
    });
    ASSERT_TRUE(log.open().ok());
    log.disk().set_step_hook({});
    EXPECT_EQ(log.seen_payloads().size(), 10u);
    EXPECT_FALSE(log.disk().image().exists(unfinished));
    // Its number is not given out again: after a power cut it may be back.
    while (log.log().stats().segments_created == 0) log.append_and_wait({std::string(20000, 'x')});
    EXPECT_TRUE(log.disk().image().exists("log/segment-000043"));
}

// The write of a segment's header was lost, or went to another file, and the disk said nothing.
class LostHeader : public testing::Test {
  protected:
    LostHeader() {
        log.options.witness_delay = std::chrono::hours(1);
        TIMBER_ASSERT(log.open().ok());
        const DiskImage before = log.settled_image();
        while (log.log().stats().segments_live < 2) log.append_and_wait({std::string(9000, 'x')});
        // The second segment's last group says of those before it that they are durable.
        for (int i = 0; i < 3; ++i) log.append_and_wait({std::string(9000, 'x')});
        TIMBER_ASSERT_OP(log.log().stats().segments_live, ==, 2u);
        image = log.settled_image();
        image.overwrite(kSecond, 0, ByteView(before.bytes(kSecond)).first(kBlockBytes));
    }
    void expect_reported() {
        log.restart_on(image);
        const Status opened = log.open();
        EXPECT_TRUE(fails(opened, ErrorCode::kCorrupted, "log/segment-000001", "row B"));
    }

    static constexpr const char* kSecond = "log/segment-000002";
    LogFixture log;
    DiskImage image;
};

TEST_F(LostHeader, IsReported) {
    const auto header =
        decode_retired_header(ByteView(image.bytes(kSecond)).first(kBlockBytes), kSecond);
    ASSERT_TRUE(header.ok());
    expect_reported();
}

TEST_F(LostHeader, IsReportedWhenTheFirstGroupIsDamagedToo) {
    image.flip_bit(kSecond, 8 * (kBlockBytes + 30));
    expect_reported();
}

TEST_F(LostHeader, IsReportedWhenAnotherFilesHeaderIsThereInstead) {
    std::vector<std::byte> block(kBlockBytes);
    encode_retired_header({.log_id = log.options.log_id, .segment = SegmentId(9), .file_number = 1},
                          block);
    image.overwrite(kSecond, 0, block);
    expect_reported();
}

TEST_F(Opening, AMissingSegmentIsReportedWhereverItWas) {
    const DiskImage intact = image;
    image.remove_file("log/segment-000001");
    EXPECT_TRUE(fails(open_tampered(), ErrorCode::kMissing, "", "restore this replica"));
    image = intact;
    image.remove_file("log/segment-000002");
    EXPECT_TRUE(fails(open_tampered(), ErrorCode::kCorrupted, "log/segment-000001", "from 5 on"));
    image = intact;
    image.remove_file("log/segment-000004");
    EXPECT_TRUE(fails(open_tampered(), ErrorCode::kCorrupted, "log/segment-000003", "from 13 on"));
}

TEST_F(Opening, AMissingSpareIsMadeAnew) {
    image.remove_file("log/segment-000005");
    ASSERT_TRUE(open_tampered().ok());
    log.run();
    EXPECT_EQ(log.seen_payloads().size(), 10u);
    EXPECT_EQ(log.log().stats().segments_spare, 1u);
}

TEST_F(Opening, WithoutAnySegmentTheLogIsMissing) {
    for (const std::string& path : log_files(image))
        if (path != "log/superblock") image.remove_file(path);
    EXPECT_TRUE(fails(open_tampered(), ErrorCode::kMissing, "log", "no segments left"));
}

TEST_F(Opening, AForeignSegmentIsReported) {
    LogFixture other;
    other.options.log_id = LogId(2);
    ASSERT_TRUE(other.open().ok());
    image.put_file("log/segment-000077", other.disk().image().bytes("log/segment-000001"));
    EXPECT_TRUE(fails(open_tampered(), ErrorCode::kForeign, "log/segment-000077", "move it out"));
}

TEST_F(Opening, ASegmentOfTheSameLogInAnotherSizeIsForeign) {
    LogFixture other;
    other.options.segment_bytes = 128_KiB;
    ASSERT_TRUE(other.open().ok());
    image.put_file("log/segment-000077", other.disk().image().bytes("log/segment-000001"));
    EXPECT_TRUE(fails(open_tampered(), ErrorCode::kForeign, "log/segment-000077"));
}

TEST_F(Opening, ACopyOfASegmentIsReported) {
    image.put_file("log/segment-000077", image.bytes("log/segment-000002"));
    EXPECT_TRUE(fails(open_tampered(), ErrorCode::kCorrupted, "", "remove it"));
}

TEST_F(Opening, ASegmentThatIsCutShortIsReportedWithItsLength) {
    for (const uint64_t bytes : {uint64_t{64_KiB - 1}, uint64_t{20'000}, uint64_t{4096}}) {
        image.cut("log/segment-000002", bytes);
        const Status opened = open_tampered();
        EXPECT_TRUE(fails(opened, ErrorCode::kCorrupted, "log/segment-000002", "cut short"));
        EXPECT_EQ(opened.error().offset, bytes);
    }
    image.cut("log/segment-000002", 4095);
    EXPECT_TRUE(fails(open_tampered(), ErrorCode::kCorrupted, "log/segment-000001"));
}

TEST_F(Opening, ASecondOpenerIsTurnedAway) {
    ASSERT_TRUE(log.open().ok());
    Status second;
    log.world().run_job([&] {
        auto opened = LogEngine::open({log.disk(), log.world().executor(), log.loop()}, log.options,
                                      [](const BatchCursor&) -> Status { return {}; });
        if (!opened) second = opened.error();
    });
    EXPECT_TRUE(fails(second, ErrorCode::kLocked, "log/lock", "stop it first"));
    EXPECT_FALSE(log.append_and_wait({"still alive"}).error);
}

TEST_F(Opening, MissingPermissionIsReportedWithTheFile) {
    for (const std::string file : {"log/segment-000002", "log/superblock", "log/lock"}) {
        log.restart_on(image);
        log.disk().deny(file);
        EXPECT_TRUE(fails(log.open(), ErrorCode::kPermissionDenied, file));
    }
}

TEST_F(Opening, AnErrorOfTheVisitorEndsIt) {
    Status opened;
    log.world().run_job([&] {
        auto engine = LogEngine::open(
            {log.disk(), log.world().executor(), log.loop()}, log.options,
            [](const BatchCursor&) -> Status { return make_error(ErrorCode::kForeign, "mine"); });
        if (!engine) opened = engine.error();
    });
    EXPECT_TRUE(fails(opened, ErrorCode::kForeign, "", "mine"));
    EXPECT_EQ(log.disk().files_open(), 0u);
    EXPECT_TRUE(log.open().ok());
}

TEST_F(Opening, AFailedReadSyncOrWriteEndsItWithTheFileAndTheNextTryWorks) {
    struct Case {
        DiskOperation operation;
        std::string file;
    };
    for (const Case& failing : {Case{DiskOperation::kRead, "log/segment-000003"},
                                Case{DiskOperation::kRead, "log/superblock"},
                                Case{DiskOperation::kSync, "log/segment-000003"},
                                Case{DiskOperation::kWrite, "log/superblock"}}) {
        log.restart_on(image);
        log.disk().fail_next(failing.operation, failing.file);
        EXPECT_TRUE(fails(log.open(), ErrorCode::kIoError, failing.file));
        EXPECT_EQ(log.disk().files_open(), 0u);
        ASSERT_TRUE(log.open().ok());
        EXPECT_EQ(log.seen_payloads().size(), 10u);
    }
}

TEST(Creation, CutShortAnywhereItIsClearedAndMadeAnew) {
    for (const Death death : {Death::kProcessDeath, Death::kPowerCut}) {
        bool finished = false;
        for (uint64_t step = 1; !finished; ++step) {
            LogFixture log(step);
            log.disk().set_step_hook([&](const DiskStep& now) {
                if (now.number == step) log.disk().crash(death, step);
            });
            finished = log.open().ok() && !log.disk().crashed();
            if (finished) continue;
            log.restart_on(log.disk().image());
            const Status opened = log.open();
            ASSERT_TRUE(opened.ok()) << step << " " << opened.error().to_string();
            EXPECT_TRUE(log.seen.empty());
            ASSERT_FALSE(log.append_and_wait({"works"}).error);
            EXPECT_FALSE(log.disk().image().exists("log/superblock.new"));
            EXPECT_LE(log_files(log.disk().image()).size(), 4u);
        }
    }
}

}  // namespace
}  // namespace timber::logengine
