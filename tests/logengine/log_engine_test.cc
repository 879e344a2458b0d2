#include <gtest/gtest.h>

#include "tests/logengine/log_fixture.h"

namespace timber::logengine {
namespace {

TEST(LogEngine, ANewLogIsEmptyAndReopens) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    EXPECT_TRUE(log.log().open_report().created);
    EXPECT_TRUE(log.seen.empty());
    log.close();
    ASSERT_TRUE(log.open().ok());
    EXPECT_FALSE(log.log().open_report().created);
}

TEST(LogEngine, WhatWasAppendedIsReadBackInOrder) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    std::vector<std::shared_ptr<Answer>> answers;
    for (int i = 0; i < 100; ++i) answers.push_back(log.append({"value " + std::to_string(i)}));
    log.run();
    Lsn last;
    for (const auto& answer : answers) {
        ASSERT_TRUE(answer->done);
        ASSERT_FALSE(answer->error) << answer->error->to_string();
        EXPECT_GT(answer->lsn, last);
        last = answer->lsn;
    }
    EXPECT_EQ(*log.read(answers[42]->locations[0]), "value 42");
    log.close();
    ASSERT_TRUE(log.open().ok());
    ASSERT_EQ(log.seen_payloads().size(), 100u);
    EXPECT_EQ(log.seen_payloads()[42], "value 42");
    EXPECT_EQ(*log.read(answers[42]->locations[0]), "value 42");
}

TEST(LogEngine, TheLocationsOfAnAppendAreThoseThatRecoveryTells) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    std::vector<std::shared_ptr<Answer>> answers;
    for (size_t i = 0; i < 60; ++i)
        answers.push_back(log.append({std::string(i * 50, 'a'), "", std::string(i, 'b')}));
    log.wait_for(answers);
    log.close();
    ASSERT_TRUE(log.open().ok());
    std::erase_if(log.seen, [](const SeenBatch& batch) { return batch.checkpoint; });
    ASSERT_EQ(log.seen.size(), answers.size());
    for (size_t i = 0; i < answers.size(); ++i) {
        EXPECT_EQ(log.seen[i].lsn, answers[i]->lsn);
        EXPECT_EQ(log.seen[i].locations, answers[i]->locations);
    }
}

TEST(LogEngine, ARecordThatIsDamagedWhileTheLogIsOpenIsReportedWithItsPlace) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    const Answer answer = log.append_and_wait({"first", "second"});
    const RecordLocation second = answer.locations[1];
    log.disk().mutable_image().flip_bit("log/segment-000001", 8 * (second.offset + 30));
    const Error error = log.read(second).error();
    EXPECT_EQ(error.code, ErrorCode::kCorrupted);
    EXPECT_EQ(error.file, "log/segment-000001");
    EXPECT_EQ(error.offset, second.offset);
    EXPECT_EQ(*log.read(answer.locations[0]), "first");
}

TEST(LogEngine, SegmentsAreRecycledAfterARelease) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    const std::string value(5000, 'x');
    for (int i = 0; i < 200; ++i) {
        const Answer answer = log.append_and_wait({value + std::to_string(i)});
        ASSERT_FALSE(answer.error) << answer.error->to_string();
        log.log().release(answer.lsn);
    }
    log.run();
    const Stats stats = log.log().stats();
    EXPECT_GT(stats.segments_recycled, 5u);
    EXPECT_LE(stats.segments_live, 2u);
    EXPECT_LE(stats.segments_created, 2u);
    log.close();
    ASSERT_TRUE(log.open().ok());
    EXPECT_EQ(log.seen_payloads().back(), value + "199");
}

// The release that freed segments 1 to 3 is stated in the middle of segment 4. Two of these are
// gone, the file of one still waits for its reuse: the chain must not begin with it.
TEST(LogEngine, AReleasedSegmentThatIsStillThereIsNotTheBeginning) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    Answer answer;
    while (log.log().stats().segments_live < 4)
        answer = log.append_and_wait({std::string(5000, 'x')});
    answer = log.append_and_wait({"last"});
    log.log().release(answer.lsn);
    log.run();
    ASSERT_EQ(log.log().stats().segments_live, 1u);
    ASSERT_EQ(log.log().stats().segments_removed, 2u);
    log.crash(Death::kProcessDeath, 1);
    const Status opened = log.open();
    ASSERT_TRUE(opened.ok()) << opened.error().to_string();
    EXPECT_EQ(log.seen_payloads().back(), "last");
}

TEST(LogEngine, AReleaseThatWasSaidInTheMiddleOfASegmentIsKnownAgain) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    const std::string value(20000, 'x');
    for (int i = 0; i < 8; ++i) ASSERT_FALSE(log.append_and_wait({value}).error);
    log.log().release(log.log().durable_lsn());
    log.run();
    log.close();
    const Status opened = log.open();
    EXPECT_TRUE(opened.ok()) << opened.error().to_string();
}

TEST(LogEngine, SegmentsThatAreReleasedAtOnceGoOldestFirst) {
    for (uint64_t seed = 1; seed <= 200; ++seed) {
        LogFixture log(seed);
        ASSERT_TRUE(log.open().ok());
        const std::string value(20000, 'x');
        for (int i = 0; i < 17; ++i) ASSERT_FALSE(log.append_and_wait({value}).error);
        log.log().release(log.log().durable_lsn());
        const uint64_t steps = seed;
        for (uint64_t step = 0; step < steps; ++step) log.world().step();
        log.crash(Random(seed).one_in(2) ? Death::kPowerCut : Death::kProcessDeath, seed);
        const Status opened = log.open();
        ASSERT_TRUE(opened.ok()) << seed << ": " << opened.error().to_string();
    }
}

TEST(LogEngine, WhatARecoveryShowedSurvivesThePowerCutAfterIt) {
    for (const bool direct : {true, false}) {
        for (uint64_t seed = 1; seed <= 100; ++seed) {
            LogFixture log(seed, {.direct_io_supported = direct});
            ASSERT_TRUE(log.open().ok());
            for (int i = 0; i < 12; ++i) {
                log.append({std::string(2000, static_cast<char>('a' + i))});
                for (uint64_t step = 0; step < seed % 7; ++step) log.world().step();
            }
            log.crash(Death::kProcessDeath, seed);
            ASSERT_TRUE(log.open().ok());
            const std::vector<SeenBatch> shown = log.seen;
            log.crash(Death::kPowerCut, seed);
            ASSERT_TRUE(log.open().ok());
            EXPECT_EQ(log.seen == shown, true) << seed << " of " << shown.size();
        }
    }
}

TEST(LogEngine, AcknowledgedBatchesSurviveEitherDeath) {
    for (uint64_t seed = 1; seed <= 300; ++seed) {
        LogFixture log(seed);
        log.options.writes_in_flight_max = 4;
        log.options.writes_in_flight_fixed = true;
        ASSERT_TRUE(log.open().ok());
        std::vector<std::string> acknowledged;
        for (int life = 0; life < 4; ++life) {
            std::vector<std::pair<std::string, std::shared_ptr<Answer>>> answers;
            Random random(seed * 10 + life);
            const uint64_t steps = random.below(400);
            for (uint64_t i = 0; i < steps; ++i) {
                if (random.one_in(6)) {
                    std::string value = std::to_string(life) + "/" + std::to_string(i) +
                                        std::string(random.below(9000), 'y');
                    answers.emplace_back(value, log.append({value}));
                }
                log.world().step();
            }
            for (const auto& [value, answer] : answers)
                if (answer->done && !answer->error) acknowledged.push_back(value);
            log.crash(random.one_in(2) ? Death::kProcessDeath : Death::kPowerCut, random.next());
            const Status opened = log.open();
            ASSERT_TRUE(opened.ok()) << seed << "/" << life << " " << opened.error().to_string();
            const auto payloads = log.seen_payloads();
            size_t at = 0;
            for (const std::string& value : acknowledged) {
                while (at < payloads.size() && payloads[at] != value) ++at;
                ASSERT_LT(at, payloads.size())
                    << "lost " << value.substr(0, 20) << " seed " << seed;
            }
            acknowledged = payloads;
        }
    }
}

}  // namespace
}  // namespace timber::logengine
