// A failed write of the log is final; a failed preparation of a segment is not.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/logengine/log_fixture.h"

namespace timber::logengine {
namespace {

TEST(Poison, AFailedWriteAnswersEverythingPendingInOrderAndRefusesTheRest) {
    LogFixture log;
    log.options.group_bytes_target = 4096;
    log.options.writes_in_flight_fixed = true;
    ASSERT_TRUE(log.open().ok());
    ASSERT_FALSE(log.append_and_wait({"acknowledged"}).error);
    log.disk().fail_nth(2, DiskOperation::kWrite, "segment");
    std::vector<size_t> order;
    std::vector<std::optional<Error>> errors(20);
    for (size_t i = 0; i < errors.size(); ++i) {
        Batch batch;
        ASSERT_TRUE(batch.add(RecordType(1), {}, as_bytes(std::string(3000, 'x'))).ok());
        ASSERT_TRUE(log.log()
                        .append(std::move(batch),
                                [&, i](const Result<Appended>& appended) {
                                    order.push_back(i);
                                    if (!appended) errors[i] = appended.error();
                                })
                        .ok());
    }
    log.run();
    EXPECT_TRUE(std::ranges::is_sorted(order));
    ASSERT_EQ(order.size(), errors.size());
    // The first group may have made it; nothing behind the failed one did.
    for (size_t i = 1; i < errors.size(); ++i) {
        ASSERT_TRUE(errors[i].has_value()) << i;
        EXPECT_EQ(errors[i]->code, ErrorCode::kPoisoned);
        EXPECT_EQ(errors[i]->file, "log/segment-000001");
        EXPECT_TRUE(errors[i]->offset.has_value());
    }
    EXPECT_TRUE(log.log().poisoned().has_value());
    EXPECT_TRUE(fails(*log.append({"late"}), ErrorCode::kPoisoned, "", "until a restart"));
}

TEST(Poison, WhatWasAcknowledgedIsThereAfterTheRestart) {
    for (uint64_t seed = 1; seed <= 30; ++seed) {
        LogFixture log(seed);
        ASSERT_TRUE(log.open().ok());
        std::vector<std::string> acknowledged;
        log.disk().fail_nth(1 + seed % 9, DiskOperation::kWrite, "segment");
        for (int i = 0; i < 12; ++i) {
            const std::string value = "value " + std::to_string(i);
            if (!log.append_and_wait({value}).error) acknowledged.push_back(value);
        }
        EXPECT_TRUE(log.log().poisoned().has_value());
        log.crash(Death::kPowerCut, seed);
        ASSERT_TRUE(log.open().ok());
        const auto payloads = log.seen_payloads();
        ASSERT_GE(payloads.size(), acknowledged.size());
        EXPECT_TRUE(std::equal(acknowledged.begin(), acknowledged.end(), payloads.begin()));
    }
}

TEST(Poison, NeitherReleasesNorReadsNorClosingAreInTheWay) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    const Answer answer = log.append_and_wait({"acknowledged"});
    log.disk().fail_next(DiskOperation::kWrite, "segment");
    EXPECT_TRUE(fails(log.append_and_wait({"lost"}), ErrorCode::kPoisoned));
    log.log().release(answer.lsn);
    EXPECT_EQ(*log.read(answer.locations[0]), "acknowledged");
    log.close();
    ASSERT_TRUE(log.open().ok());
    EXPECT_FALSE(log.append_and_wait({"goes on"}).error);
}

TEST(Preparation, ThatFailsIsTriedAgainWithANewFile) {
    for (const DiskOperation operation :
         {DiskOperation::kAllocate, DiskOperation::kWrite, DiskOperation::kSync}) {
        LogFixture log;
        log.use_fast_processor();
        ASSERT_TRUE(log.open().ok());
        log.run();
        log.disk().fail_next(operation, "segment-000003");
        size_t refused = 0;
        for (int i = 0; i < 40; ++i) {
            const Answer answer = log.append_and_wait({std::string(20000, 'x')});
            if (!answer.error) continue;
            // Not the disk's error: nothing of the batch was written.
            EXPECT_TRUE(fails(answer, ErrorCode::kNoSpace));
            ++refused;
            log.world().run_for(std::chrono::milliseconds(600));
        }
        EXPECT_LT(refused, 20u);
        EXPECT_FALSE(log.log().poisoned());
        EXPECT_FALSE(log.disk().image().exists("log/segment-000003"));
        EXPECT_TRUE(log.disk().image().exists("log/segment-000004"));
    }
}

TEST(Preparation, WaitingBatchesAreToldThatThereIsNoSpaceWhateverFailed) {
    LogFixture log;
    log.use_fast_processor();
    ASSERT_TRUE(log.open().ok());
    log.run();
    log.disk().inject({.operation = DiskOperation::kAllocate,
                       .path_contains = "segment",
                       .count = Fault::kForever});
    std::vector<std::shared_ptr<Answer>> answers;
    for (int i = 0; i < 12; ++i) answers.push_back(log.append({std::string(20000, 'x')}));
    size_t refused = 0;
    for (const Answer& answer : log.wait_for(answers)) {
        if (!answer.error) continue;
        ++refused;
        EXPECT_TRUE(fails(answer, ErrorCode::kNoSpace));
    }
    EXPECT_GT(refused, 0u);
    log.disk().clear_faults();
    log.world().run_for(std::chrono::seconds(1));
    EXPECT_FALSE(log.append_and_wait({"goes on"}).error);
}

}  // namespace
}  // namespace timber::logengine
