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
                ASSERT_LT(at, payloads.size()) << "lost " << value.substr(0, 20) << " seed " << seed;
            }
            acknowledged = payloads;
        }
    }
}

}  // namespace
}  // namespace timber::logengine
