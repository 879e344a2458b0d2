// What the crash explorer found, each told as the shortest story that failed.
#include <gtest/gtest.h>

#include "logengine/format.h"
#include "tests/logengine/log_fixture.h"

namespace timber::logengine {
namespace {

constexpr RecordType kType(1);

// Fills segments until the log lives in `segments` of them; nothing is released.
std::vector<Lsn> fill_segments(LogFixture& log, size_t segments) {
    std::vector<Lsn> lsns;
    while (log.log().stats().segments_live < segments) {
        const Answer answer = log.append_and_wait({std::string(9000, 'x')});
        EXPECT_FALSE(answer.error);
        lsns.push_back(answer.lsn);
    }
    return lsns;
}

// The word of the release stands in a group inside a segment, not in a segment's first group, which
// is all that recovery looked at before it chose where to begin.
TEST(LogExplored, AReleaseStatedInsideASegmentIsFoundAgain) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    const std::vector<Lsn> lsns = fill_segments(log, 3);
    log.log().release(lsns[lsns.size() - 2]);
    log.run();
    ASSERT_LT(log.log().stats().segments_live, 3u);
    log.crash(Death::kPowerCut, 1);
    const Status opened = log.open();
    ASSERT_TRUE(opened.ok()) << opened.error().to_string();
    EXPECT_EQ(log.seen_payloads().back(), std::string(9000, 'x'));
}

// Everything was released, then the first group of the next segment was torn. Its header was there,
// so recovery began with it, without the checkpoint that it lacks.
TEST(LogExplored, CarriedRecordsOutliveATornFirstGroup) {
    size_t torn = 0;
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        LogFixture log(seed);
        ASSERT_TRUE(log.open().ok());
        Batch carried;
        ASSERT_TRUE(carried.add(kType, {7, 7}, as_bytes("live"), Retention::kCarriedForward).ok());
        const auto first = log.append(std::move(carried));
        log.run();
        while (log.log().stats().segments_live == 1) {
            const Answer answer = log.append_and_wait({std::string(3000, 'x')});
            log.log().release(answer.lsn);
            // The next one begins a segment, and everything before it is released.
            const uint64_t end = answer.locations[0].offset + 2 * kBlockBytes;
            if (end > log.options.segment_bytes) break;
        }
        const auto last = log.append({std::string(20000, 'y')});
        log.world().run_until([&] { return log.disk().in_flight().writes > 0; });
        log.crash(Death::kPowerCut, seed);
        const Status opened = log.open();
        ASSERT_TRUE(opened.ok()) << opened.error().to_string();
        torn += log.log().open_report().tail.decision == 'C' ? 1 : 0;
        EXPECT_EQ(log.log().stats().carried_records, 1u) << "seed " << seed;
    }
    EXPECT_GT(torn, 0u);
}

// The first group was lost and one in the second segment survived: no damage, nothing was durable.
TEST(LogExplored, ASecondSegmentBehindALostFirstGroupIsNoDamage) {
    for (uint64_t seed = 1; seed <= 100; ++seed) {
        LogFixture log(seed);
        log.options.writes_in_flight_max = 4;
        log.options.writes_in_flight_fixed = true;
        ASSERT_TRUE(log.open().ok());
        for (int i = 0; i < 3; ++i) log.append({std::string(25000, 'x')});
        log.world().run_until([&] { return log.disk().in_flight().writes >= 2; });
        log.crash(Death::kProcessDeath, seed);
        const Status opened = log.open();
        ASSERT_TRUE(opened.ok()) << seed << " " << opened.error().to_string();
    }
}

// The process dies in the middle of creation; the next one finds a log, acknowledges, loses power.
TEST(LogExplored, TheDirectorysNameIsDurableBeforeThereIsALog) {
    LogFixture counting;
    ASSERT_TRUE(counting.open().ok());
    const uint64_t steps = counting.disk().steps();
    for (uint64_t step = 1; step <= steps; ++step) {
        LogFixture log;
        log.disk().set_step_hook([&](const DiskStep& now) {
            if (now.number == step) log.disk().crash(Death::kProcessDeath, step);
        });
        const Status cut_short = log.open();
        if (cut_short) break;
        log.restart_on(log.disk().image());
        ASSERT_TRUE(log.open().ok());
        ASSERT_FALSE(log.append_and_wait({"acknowledged"}).error);
        for (uint64_t cut = 1; cut <= 4; ++cut) {
            LogFixture next(cut);
            next.restart_on(log.disk().image_after(Death::kPowerCut, cut));
            ASSERT_TRUE(next.open().ok());
            EXPECT_EQ(next.seen_payloads(), std::vector<std::string>{"acknowledged"}) << step;
        }
    }
}

// A write fails but its bytes can be read; the next life shows them, and power fails.
TEST(LogExplored, WhatAFailedWriteLeftReadableIsMadeDurableBeforeItIsShown) {
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        LogFixture log(seed);
        ASSERT_TRUE(log.open().ok());
        log.disk().fail_next(DiskOperation::kWrite, "segment-");
        EXPECT_TRUE(log.append_and_wait({"in doubt"}).error);
        log.close();
        ASSERT_TRUE(log.open().ok());
        const std::vector<std::string> shown = log.seen_payloads();
        log.crash(Death::kPowerCut, seed);
        const Status opened = log.open();
        ASSERT_TRUE(opened.ok()) << opened.error().to_string();
        EXPECT_EQ(log.seen_payloads(), shown) << "seed " << seed;
    }
}

// The file counted as a blank and was removed, with all that other groups in it proved durable. Now
// the segment that a log begins with is missed.
TEST(LogExplored, ADamagedSegmentHeaderIsReported) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    log.append_and_wait({"one"});
    log.append_and_wait({"two"});
    DiskImage image = log.disk().image();
    image.settle();
    image.flip_bit("log/segment-000001", 100);
    log.restart_on(std::move(image));
    const Status opened = log.open();
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::kMissing);
    EXPECT_FALSE(opened.error().file.empty());
}

// The header was put back to what it was when the file was another segment. That stands in front of
// the chain, where nobody looked for words that more was durable.
TEST(LogExplored, ASegmentHeaderOfAnEarlierUseIsReported) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    const DiskImage earlier = log.disk().image();
    while (log.log().stats().segments_recycled < 3) {
        const Answer answer = log.append_and_wait({std::string(9000, 'x')});
        log.log().release(answer.lsn);
    }
    for (int i = 0; i < 8; ++i) log.append_and_wait({std::string(9000, 'x')});
    DiskImage image = log.disk().image();
    image.settle();
    for (const char* path : {"log/segment-000001", "log/segment-000002"}) {
        DiskImage damaged = image;
        damaged.overwrite(path, 0, ByteView(earlier.bytes(path)).first(kSectorBytes));
        LogFixture next;
        next.restart_on(std::move(damaged));
        const Status opened = next.open();
        if (opened) {
            EXPECT_EQ(next.log().open_report().durable_lsn, log.log().durable_lsn()) << path;
        } else {
            EXPECT_FALSE(opened.error().file.empty());
        }
    }
}

// The preparation of a segment meets a bad sector: batches are refused for want of space, as the
// contract says, not with the preparation's own error.
TEST(LogExplored, AFailedPreparationRefusesWithNoSpace) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    log.disk().inject({.operation = DiskOperation::kAllocate, .count = Fault::kForever});
    std::vector<std::shared_ptr<Answer>> answers;
    for (int i = 0; i < 40; ++i) answers.push_back(log.append({std::string(9000, 'x')}));
    log.world().run_for(std::chrono::milliseconds(100));
    size_t refused = 0;
    for (const auto& answer : answers) {
        ASSERT_TRUE(answer->done);
        if (!answer->error) continue;
        EXPECT_EQ(answer->error->code, ErrorCode::kNoSpace) << answer->error->to_string();
        ++refused;
    }
    EXPECT_GT(refused, 0u);
}

// A segment became ready between the acceptance and the batch's way to the pipeline; the engine
// found the pipeline idle and closed.
TEST(LogExplored, WhatWasAcceptedBeforeACloseIsFinished) {
    for (uint64_t seed = 1; seed <= 100; ++seed) {
        LogFixture log(seed);
        ASSERT_TRUE(log.open().ok());
        while (log.log().stats().segments_spare > 0) log.append_and_wait({std::string(9000, 'x')});
        for (uint64_t step = 0; step < seed % 50; ++step) log.world().step();
        const auto last = log.append({"last"});
        log.close();
        ASSERT_TRUE(last->done);
        EXPECT_FALSE(last->error) << last->error->to_string();
    }
}

// A read of the scan fails while others are in flight: their file stays open until they are over.
TEST(LogExplored, AFailedReadEndsRecoveryWithoutLeavingOthersInFlight) {
    for (uint64_t nth = 1; nth <= 20; ++nth) {
        LogFixture log(nth);
        log.options.recovery_read_bytes = 4_KiB;
        ASSERT_TRUE(log.open().ok());
        log.append_and_wait({"kept"});
        log.crash(Death::kProcessDeath, nth);
        log.disk().fail_nth(nth, DiskOperation::kRead, "segment-");
        const Status first = log.open();
        if (!first) {
            EXPECT_EQ(first.error().code, ErrorCode::kIoError);
            EXPECT_EQ(log.disk().files_open(), 0u);
            ASSERT_TRUE(log.open().ok());
        }
        EXPECT_EQ(log.seen_payloads(), std::vector<std::string>{"kept"});
    }
}

// Closing right after a release: the segment that becomes ready meanwhile must not let the word of
// the release be written into a file that is being closed.
TEST(LogExplored, AReleaseRightBeforeACloseWritesNothingLate) {
    for (uint64_t seed = 1; seed <= 200; ++seed) {
        LogFixture log(seed);
        log.options.free_segments_max = 0;
        ASSERT_TRUE(log.open().ok());
        Lsn last;
        const uint64_t batches = 4 + seed % 12;
        for (uint64_t i = 0; i < batches; ++i)
            last = log.append_and_wait({std::string(7000 + seed * 17 % 4000, 'x')}).lsn;
        log.log().release(last);
        log.close();
        ASSERT_TRUE(log.open().ok());
    }
}

// The only group of the newest segment was damaged, with the checkpoint in it and no witness yet;
// the segments before it were given up long ago. Cut as a torn tail it took all records carried
// forward with it, as if there had never been any.
TEST(LogExplored, ADamagedCheckpointIsNoTornTail) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    Batch kept;
    ASSERT_TRUE(kept.add(RecordType(2), {0, 1}, as_bytes("kept"), Retention::kCarriedForward).ok());
    log.append(std::move(kept));
    uint64_t segments = 0;
    Answer answer;
    // Until a batch is the first of a segment and all before it are given up.
    while (segments < 3 || answer.locations[0].offset > 2 * kBlockBytes) {
        answer = log.append_and_wait({std::string(9000, 'x')});
        log.log().release(answer.lsn - 1);
        segments = log.log().stats().segments_recycled;
    }
    log.world().run_until([&] { return log.log().stats().segments_live == 1; });
    DiskImage image = log.disk().image();
    image.settle();
    for (const std::string& path : image.paths()) {
        if (path.starts_with("log/segment")) image.flip_bit(path, 8 * (kBlockBytes + 3000));
    }
    log.restart_on(std::move(image));
    const Status opened = log.open();
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::kMissing);
}

}  // namespace
}  // namespace timber::logengine
