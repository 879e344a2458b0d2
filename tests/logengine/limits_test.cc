// Limits, backpressure and the end: what append() refuses, and that it refuses nothing else.
#include <gtest/gtest.h>

#include "tests/logengine/log_fixture.h"

namespace timber::logengine {
namespace {

// A batch of one record that takes `bytes`.
Batch batch_of(size_t bytes) {
    Batch batch;
    const std::string payload(bytes - batch.bytes() - kRecordHeaderBytes, 'x');
    TIMBER_ASSERT(batch.add(RecordType(1), {}, as_bytes(payload)).ok());
    TIMBER_ASSERT_OP(batch.bytes(), ==, bytes);
    return batch;
}

TEST(Limits, AnEmptyBatchIsRefused) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    EXPECT_TRUE(fails(*log.append(Batch()), ErrorCode::kInvalidArgument, "", "no records"));
}

TEST(Limits, TheLargestBatchGoesThroughAndOneByteMoreDoesNot) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    const size_t most = log.log().batch_bytes_max();
    for (int i = 0; i < 5; ++i) {
        // Also into a segment whose checkpoint is as large as it may be, behind a small neighbour.
        const auto small = log.append({"small"});
        const auto largest = log.append(batch_of(most));
        log.wait_for({small, largest});
        EXPECT_FALSE(largest->error) << largest->error->to_string();
    }
    EXPECT_TRUE(
        fails(*log.append(batch_of(most + 1)), ErrorCode::kTooLarge, "", std::to_string(most)));
    log.close();
    ASSERT_TRUE(log.open().ok());
    EXPECT_EQ(log.seen_payloads().size(), 10u);
}

TEST(Limits, TheLargestBatchFitsBesideTheLargestCheckpointAndItsDirectory) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    // The smallest records have the largest directory for their size.
    for (uint64_t tag = 0; tag < 170; ++tag) {
        Batch batch;
        ASSERT_TRUE(
            batch.add(RecordType(1), {tag << 60, ~(tag << 40)}, {}, Retention::kCarriedForward)
                .ok());
        const auto answer = log.append(std::move(batch));
        log.wait_for({answer});
        EXPECT_TRUE(!answer->error || fails(*answer, ErrorCode::kTooLarge, "", "carried forward"));
    }
    for (int i = 0; i < 6; ++i) {
        const auto answer = log.append(batch_of(log.log().batch_bytes_max()));
        log.wait_for({answer});
        ASSERT_FALSE(answer->error) << answer->error->to_string();
    }
}

TEST(Limits, CarriedRecordsOverTheirShareAreRefusedAndForgettingHelps) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    const auto carry = [&](uint64_t tag, Retention retention) {
        Batch batch;
        const std::string payload(retention == Retention::kForget ? 0 : 3000, 'c');
        TIMBER_ASSERT(batch.add(RecordType(1), {0, tag}, as_bytes(payload), retention).ok());
        return log.wait_for({log.append(std::move(batch))})[0];
    };
    EXPECT_FALSE(carry(1, Retention::kCarriedForward).error);
    EXPECT_FALSE(carry(2, Retention::kCarriedForward).error);
    EXPECT_TRUE(fails(carry(3, Retention::kCarriedForward), ErrorCode::kTooLarge, "", "forget"));
    EXPECT_FALSE(carry(1, Retention::kForget).error);
    EXPECT_FALSE(carry(3, Retention::kCarriedForward).error);
}

TEST(Limits, SegmentsOfTheUsualSizeTakeBatchesOf64MiBAndRecordsOf16) {
    LogFixture log;
    log.options.segment_bytes = Options().segment_bytes;
    ASSERT_TRUE(log.open().ok());
    Batch batch;
    const std::string record(kRecordPayloadBytesMax, 'r');
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(batch.add(RecordType(1), {}, as_bytes(record)).ok());
    EXPECT_GE(batch.bytes(), 64_MiB);
    const auto answer = log.append(std::move(batch));
    log.wait_for({answer});
    ASSERT_FALSE(answer->error) << answer->error->to_string();
    EXPECT_EQ(*log.read(answer->locations[3]), record);
}

TEST(Limits, TooManyPendingBytesAreRefusedUntilSomeAreDurable) {
    LogFixture log;
    log.options.pending_bytes_max = 10'000;
    ASSERT_TRUE(log.open().ok());
    const std::string half(4900, 'h');
    const auto first = log.append({half});
    const auto second = log.append({half});
    EXPECT_TRUE(fails(*log.append({half}), ErrorCode::kBusy, "", "try again"));
    log.wait_for({first, second});
    EXPECT_FALSE(log.append_and_wait({half}).error);
    EXPECT_EQ(log.log().stats().refused_busy, 1u);
    EXPECT_EQ(log.log().stats().pending_bytes, 0u);
}

TEST(Limits, ABatchLargerThanThePendingLimitGoesAlone) {
    LogFixture log;
    log.options.pending_bytes_max = 1'000;
    ASSERT_TRUE(log.open().ok());
    EXPECT_FALSE(log.append_and_wait({std::string(5000, 'x')}).error);
}

TEST(Closing, FinishesWhatIsPendingAndTakesNothingMore) {
    LogFixture log;
    ASSERT_TRUE(log.open().ok());
    std::vector<std::shared_ptr<Answer>> pending;
    for (int i = 0; i < 30; ++i) pending.push_back(log.append({std::string(3000, 'x')}));
    bool closed = false;
    log.log().close([&] { closed = true; });
    EXPECT_FALSE(closed);
    EXPECT_TRUE(fails(*log.append({"late"}), ErrorCode::kClosed, "", "closed"));
    log.world().run_until([&] { return closed; });
    for (const auto& answer : pending) EXPECT_TRUE(answer->done && !answer->error);
    log.forget();
    ASSERT_TRUE(log.open().ok());
    EXPECT_EQ(log.seen_payloads().size(), 30u);
    EXPECT_EQ(log.log().open_report().tail.decision, 'E');
}

}  // namespace
}  // namespace timber::logengine
