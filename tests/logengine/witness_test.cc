// The witness: soon after the log fell idle, not while it is busy, in alternating slots.
#include <algorithm>

#include <gtest/gtest.h>

#include "logengine/control_file.h"
#include "tests/logengine/log_fixture.h"
#include "tests/logengine/log_image.h"

namespace timber::logengine {
namespace {

class WitnessTest : public testing::Test {
  protected:
    WitnessTest() {
        log.use_fast_processor();
        TIMBER_ASSERT(log.open().ok());
    }

    // The newest on the disk; LSN 0 if there is none.
    Witness newest() {
        Witness found;
        for (const Witness& witness : witnesses_of(log.disk().image()))
            if (witness.durable_lsn > Lsn() && witness.sequence >= found.sequence) found = witness;
        return found;
    }

    LogFixture log;
};

TEST_F(WitnessTest, IsWrittenWithinTwoDelaysOfTheLastBatch) {
    for (int i = 0; i < 20; ++i) {
        const Answer answer = log.append_and_wait({"value"});
        log.world().run_for(2 * log.options.witness_delay + std::chrono::milliseconds(1));
        EXPECT_EQ(newest().durable_lsn, answer.lsn);
    }
}

TEST_F(WitnessTest, IsNotWrittenWhileBatchesFlow) {
    for (int i = 0; i < 100; ++i) {
        log.append_and_wait({"value"});
        log.world().run_for(log.options.witness_delay / 4);
    }
    EXPECT_EQ(log.log().stats().witnesses, 0u);
}

TEST_F(WitnessTest, IsWrittenOnceForAPause) {
    log.append_and_wait({"value"});
    log.world().run_for(std::chrono::seconds(1));
    EXPECT_EQ(log.log().stats().witnesses, 1u);
}

TEST_F(WitnessTest, LeavesItsPredecessorInTheOtherSlot) {
    const Answer one = log.append_and_wait({"one"});
    log.run();
    const Answer two = log.append_and_wait({"two"});
    log.run();
    const auto witnesses = witnesses_of(log.disk().image());
    ASSERT_EQ(witnesses.size(), 2u);
    EXPECT_EQ(witnesses[0].sequence + 1, witnesses[1].sequence);
    EXPECT_EQ(witnesses[0].durable_lsn, one.lsn);
    EXPECT_EQ(witnesses[1].durable_lsn, two.lsn);
    EXPECT_FALSE(witnesses[1].closed);
}

TEST_F(WitnessTest, SaysWhetherTheLogWasClosed) {
    const Answer answer = log.append_and_wait({"value"});
    log.close();
    EXPECT_TRUE(newest().closed);
    EXPECT_EQ(newest().durable_lsn, answer.lsn);
    EXPECT_EQ(newest().epoch, Epoch(2));
}

TEST_F(WitnessTest, OfAClosedLogSurvivesAPowerCut) {
    const Answer answer = log.append_and_wait({"value"});
    log.close();
    for (uint64_t seed = 0; seed < 20; ++seed) {
        const DiskImage left = log.disk().image_after(Death::kPowerCut, seed);
        Lsn witnessed;
        for (const Witness& witness : witnesses_of(left))
            witnessed = std::max(witnessed, witness.durable_lsn);
        EXPECT_EQ(witnessed, answer.lsn);
    }
}

TEST_F(WitnessTest, CountsOnInTheNextLife) {
    log.append_and_wait({"value"});
    log.close();
    const uint64_t before = newest().sequence;
    ASSERT_TRUE(log.open().ok());
    log.append_and_wait({"value"});
    log.run();
    EXPECT_EQ(newest().sequence, before + 1);
}

TEST_F(WitnessTest, ThatFailsIsNoHarmAndALaterOneIsWritten) {
    log.disk().fail_next(DiskOperation::kWrite, "superblock");
    log.append_and_wait({"value"});
    log.run();
    EXPECT_FALSE(log.log().poisoned());
    const Answer answer = log.append_and_wait({"value"});
    log.run();
    EXPECT_EQ(newest().durable_lsn, answer.lsn);
}

}  // namespace
}  // namespace timber::logengine
