// Small live records outlive their segments, and readers hold segments back.
#include <gtest/gtest.h>

#include "tests/logengine/log_fixture.h"

namespace timber::logengine {
namespace {

class Checkpoints : public testing::Test {
  protected:
    Checkpoints() {
        log.use_fast_processor();
        TIMBER_ASSERT(log.open().ok());
    }

    Lsn put(uint64_t tag, std::string_view payload, Retention retention) {
        Batch batch;
        TIMBER_ASSERT(batch.add(RecordType(7), {0, tag}, as_bytes(payload), retention).ok());
        return log.wait_for({log.append(std::move(batch))})[0].lsn;
    }
    // Fills `count` segments, and releases each as soon as it may go.
    void pass_segments(uint64_t count) {
        const uint64_t until = log.log().stats().segments_recycled + count;
        while (log.log().stats().segments_recycled < until) {
            const Answer answer = log.append_and_wait({std::string(20000, 'x')});
            TIMBER_ASSERT(!answer.error);
            log.log().release(answer.lsn);
            log.world().run_for(std::chrono::milliseconds(10));
        }
    }
    void reopen() {
        log.close();
        ASSERT_TRUE(log.open().ok());
    }
    // What the newest checkpoint says, as "tag@origin=payload".
    std::string newest_checkpoint() {
        reopen();
        std::string text;
        for (const SeenBatch& batch : log.seen) {
            if (!batch.checkpoint) continue;
            text.clear();
            for (size_t i = 0; i < batch.payloads.size(); ++i) {
                log.world().run_job([&] {
                    const auto stored = log.log().read(batch.locations[i]);
                    ASSERT_TRUE(stored.ok());
                    text += std::to_string(stored->record.tag.low) + "@" +
                            std::to_string(stored->record.origin_lsn.value().value()) + "=" +
                            batch.payloads[i] + " ";
                });
            }
        }
        return text;
    }

    LogFixture log;
};

TEST_F(Checkpoints, CarryRecordsForwardWithTheirOriginForManyGenerations) {
    const Lsn first = put(1, "vote", Retention::kCarriedForward);
    const Lsn second = put(2, "identity", Retention::kCarriedForward);
    pass_segments(25);
    EXPECT_EQ(newest_checkpoint(), "1@" + std::to_string(first.value()) + "=vote 2@" +
                                       std::to_string(second.value()) + "=identity ");
    pass_segments(25);
    EXPECT_EQ(newest_checkpoint(), "1@" + std::to_string(first.value()) + "=vote 2@" +
                                       std::to_string(second.value()) + "=identity ");
}

TEST_F(Checkpoints, CarryTheNewestOfATag) {
    put(1, "old", Retention::kCarriedForward);
    pass_segments(3);
    const Lsn newer = put(1, "newer", Retention::kCarriedForward);
    pass_segments(3);
    EXPECT_EQ(newest_checkpoint(), "1@" + std::to_string(newer.value()) + "=newer ");
}

TEST_F(Checkpoints, ForgetWhatWasForgotten) {
    put(1, "vote", Retention::kCarriedForward);
    pass_segments(3);
    put(1, "", Retention::kForget);
    pass_segments(3);
    EXPECT_EQ(newest_checkpoint(), "");
    EXPECT_EQ(log.log().stats().carried_records, 0u);
}

TEST_F(Checkpoints, GoOnAfterEitherDeath) {
    const Lsn first = put(1, "vote", Retention::kCarriedForward);
    for (uint64_t life = 1; life <= 6; ++life) {
        pass_segments(2);
        log.crash(life % 2 == 0 ? Death::kPowerCut : Death::kProcessDeath, life);
        ASSERT_TRUE(log.open().ok());
        EXPECT_EQ(log.log().stats().carried_records, 1u);
    }
    EXPECT_EQ(newest_checkpoint(), "1@" + std::to_string(first.value()) + "=vote ");
}

TEST_F(Checkpoints, ALocationInARecycledSegmentIsNotFound) {
    const Answer answer = log.append_and_wait({"soon gone"});
    EXPECT_EQ(*log.read(answer.locations[0]), "soon gone");
    pass_segments(4);
    EXPECT_EQ(log.read(answer.locations[0]).error().code, ErrorCode::kNotFound);
    reopen();
    EXPECT_EQ(log.read(answer.locations[0]).error().code, ErrorCode::kNotFound);
}

TEST_F(Checkpoints, WhatWasNotReleasedStays) {
    const Answer answer = log.append_and_wait({"needed"});
    for (int i = 0; i < 40; ++i) {
        const Answer other = log.append_and_wait({std::string(20000, 'x')});
        log.log().release(answer.lsn - 1);
    }
    reopen();
    EXPECT_EQ(*log.read(answer.locations[0]), "needed");
    EXPECT_EQ(log.seen_payloads().size(), 41u);
}

TEST_F(Checkpoints, AReadUnderWayHoldsItsSegmentBack) {
    const Answer answer = log.append_and_wait({"being read"});
    const RecordLocation location = answer.locations[0];
    log.disk().inject({.operation = DiskOperation::kRead, .kind = FaultKind::kStall});
    log.disk().options().stall = std::chrono::seconds(10);
    std::optional<std::string> text;
    log.world().executor().run("slow reader", [&] {
        const auto stored = log.log().read(location);
        if (stored) text = std::string(as_text(stored->record.payload));
    });
    for (int i = 0; i < 12; ++i) {
        const Answer other = log.append_and_wait({std::string(20000, 'x')});
        ASSERT_FALSE(other.error) << other.error->to_string();
        log.log().release(other.lsn);
    }
    EXPECT_FALSE(text.has_value());
    EXPECT_EQ(log.log().stats().segments_recycled + log.log().stats().segments_removed, 0u);
    log.run();
    EXPECT_EQ(text, "being read");
    EXPECT_GT(log.log().stats().segments_recycled + log.log().stats().segments_removed, 0u);
    EXPECT_EQ(log.read(location).error().code, ErrorCode::kNotFound);
}

TEST_F(Checkpoints, DirectoriesNameWhatTheirPredecessorsHeld) {
    const Answer one = log.append_and_wait({"a", "bb"});
    const Answer two = log.append_and_wait({"ccc"});
    log.append_and_wait({"the last"});
    Result<std::vector<Directory>> directories = std::vector<Directory>();
    log.world().run_job(
        [&] { directories = log.log().read_directories(one.locations[0].segment); });
    ASSERT_TRUE(directories.ok());
    std::vector<uint32_t> lengths;
    for (const Directory& directory : *directories)
        for (const DirectoryEntry& entry : directory.entries)
            lengths.push_back(entry.payload_bytes);
    EXPECT_EQ(lengths, (std::vector<uint32_t>{1, 2, 3}));
    EXPECT_EQ(directories->back().entries[0].lsn, two.lsn);
}

}  // namespace
}  // namespace timber::logengine
