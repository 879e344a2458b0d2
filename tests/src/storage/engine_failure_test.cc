// What goes wrong: no space, failed writes, damage, half-made Stores, a log over its limit.
#include <algorithm>

#include "tests/src/storage/engine_fixture.h"

namespace timber::storage {
namespace {

TEST_F(EngineTest, MissingStoreIsNotMadeWithoutAnIdentity) {
    options_.format.reset();
    const Status opened = open();
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::kMissing);
    EXPECT_EQ(opened.error().file, "store");
}

TEST_F(EngineTest, ExistingStoreKeepsItsIdentity) {
    open_well();
    close();
    options_.format = StoreIdentity{ClusterId(8), StoreId(8), Incarnation(8)};
    open_well();
    EXPECT_EQ(engine_->identity(), kIdentity);
    close();
    options_.format.reset();
    open_well();
    EXPECT_EQ(engine_->identity(), kIdentity);
}

// Every prefix of a formatting, under both deaths, can be formatted again, or is a whole Store.
TEST_F(EngineTest, FormattingThatWasCutShortIsDoneAgain) {
    for (uint64_t steps = 1;; ++steps) {
        bool died = false;
        uint64_t seen = 0;
        close();
        disk_ = std::make_unique<SimDisk>(*world_);
        disk_->set_step_hook([&](const DiskStep&) {
            if (++seen != steps) return;
            died = true;
            disk_->crash(steps % 2 == 0 ? Death::kPowerCut : Death::kProcessDeath, steps);
        });
        const Status first = open();
        disk_->set_step_hook({});
        if (!died) break;
        ASSERT_FALSE(first.ok());
        crash(Death::kPowerCut, steps);
        const Status again = open();
        ASSERT_TRUE(again.ok()) << "after " << steps << ": " << again.error().to_string();
        EXPECT_EQ(engine_->identity(), kIdentity);
        close();
    }
}

TEST_F(EngineTest, LostLogIsNotTakenForANewStore) {
    open_well();
    create();
    flush();
    close();
    world_->run_job([&] {
        const auto names = disk_->list("store/log");
        for (const std::string& name : *names) ASSERT_TRUE(disk_->remove("store/log/" + name).ok());
    });
    const Status opened = open();
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::kMissing) << opened.error().to_string();
}

TEST_F(EngineTest, LostStateIsNotTakenForANewStore) {
    open_well();
    create();
    close();
    world_->run_job([&] {
        const auto names = disk_->list("store/state");
        for (const std::string& name : *names)
            ASSERT_TRUE(disk_->remove("store/state/" + name).ok());
    });
    const Status opened = open();
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::kMissing) << opened.error().to_string();
}

TEST_F(EngineTest, FailedLogWriteIsFinal) {
    open_well();
    create();
    disk_->fail_next(DiskOperation::kWrite, "log/");
    const Status appended = append(kRegion, 6, 1);
    ASSERT_FALSE(appended.ok());
    EXPECT_EQ(appended.error().code, ErrorCode::kPoisoned);
    run_until([&] { return failed_.has_value(); });
    EXPECT_EQ(append(kRegion, 6, 1).error().code, ErrorCode::kPoisoned);
    EXPECT_TRUE(engine_->poisoned());
    reopen();
    EXPECT_GE(summary().last_index, raft::LogIndex(5));
}

TEST_F(EngineTest, FullDiskRefusesCommitsKeepsVotesAndGoesOn) {
    options_.log.segment_bytes = 64_KiB;
    open_well();
    create();
    disk_->options().capacity_bytes = 0;
    uint64_t next = 6;
    Status appended;
    while ((appended = append(kRegion, next, 1, 5, 8000))) ++next;
    EXPECT_EQ(appended.error().code, ErrorCode::kNoSpace) << appended.error().to_string();
    EXPECT_EQ(summary().last_index, raft::LogIndex(next - 1));
    WriteBatch vote;
    vote.set_hard_state(
        kRegion, {.term = raft::Term(9), .vote = raft::NodeId(2), .commit = raft::LogIndex(5)});
    ASSERT_TRUE(commit(std::move(vote), true).ok());
    disk_->options().capacity_bytes.reset();
    run_until([&] { return writable_calls_ > 0; });
    let_time_pass(std::chrono::seconds(1));
    ASSERT_TRUE(append(kRegion, next, 1, 9).ok());
    crash_and_open(Death::kPowerCut);
    EXPECT_EQ(summary().last_index, raft::LogIndex(next));
    EXPECT_EQ(summary().hard_state.vote, raft::NodeId(2));
}

// The log refuses what waits in it while earlier commits are on their way to the disk: those become
// durable, and the next commit builds on them.
TEST_F(EngineTest, CommitsInFrontOfARefusedOneStay) {
    options_.log.segment_bytes = 64_KiB;
    options_.log.group_bytes_target = 1;
    open_well();
    create();
    disk_->options().capacity_bytes = 0;
    std::vector<std::shared_ptr<std::optional<Status>>> answers;
    uint64_t next = 6;
    for (; next < 40; ++next) {
        WriteBatch batch;
        batch.append(kRegion, std::vector<raft::Entry>{entry(next, 5, 8000)});
        answers.push_back(begin_commit(std::move(batch)));
    }
    run_until([&] {
        return std::ranges::all_of(answers, [](const auto& each) { return each->has_value(); });
    });
    size_t durable = 0;
    for (const auto& answer : answers) {
        if ((*answer)->ok()) {
            EXPECT_EQ(answer, answers[durable]) << "one is done behind one that was refused";
            ++durable;
        } else {
            EXPECT_EQ((*answer)->error().code, ErrorCode::kNoSpace)
                << (*answer)->error().to_string();
        }
    }
    EXPECT_GT(durable, 0u);
    EXPECT_LT(durable, answers.size());
    EXPECT_EQ(summary().last_index, raft::LogIndex(5 + durable));
    disk_->options().capacity_bytes.reset();
    run_until([&] { return !engine_->stats().log.no_space; });
    const Status appended = append(kRegion, 6 + durable, 1);
    ASSERT_TRUE(appended.ok()) << appended.error().to_string();
    crash_and_open(Death::kPowerCut);
    EXPECT_EQ(summary().last_index, raft::LogIndex(6 + durable));
}

// The snapshot's record is durable, the ingest is not, and there is no space when the Store is
// opened again: the opening goes on once there is.
TEST_F(EngineTest, InstallThatIsRedoneWaitsForSpace) {
    open_well();
    create();
    disk_->set_step_hook([&](const DiskStep& step) {
        if (step.path.ends_with(".sst") && !disk_->crashed()) disk_->crash(Death::kPowerCut, 1);
    });
    const TruncatedState snapshot{raft::LogIndex(50), raft::Term(6)};
    WriteBatch batch;
    batch.install_snapshot(kRegion, {.state = {.applied = snapshot.index,
                                               .applied_term = snapshot.term,
                                               .truncated = snapshot,
                                               .region_state = "installed"},
                                     .range = {"a", "z"}});
    const auto answer = begin_commit(std::move(batch));
    run_until([&] { return disk_->crashed(); });
    disk_->set_step_hook({});
    crash(Death::kPowerCut);
    disk_->options().capacity_bytes = 0;
    int tries = 0;
    disk_->set_step_hook([&](const DiskStep& step) {
        if (step.path.ends_with(".sst") && step.operation == DiskOperation::kOpen && ++tries == 3)
            disk_->options().capacity_bytes.reset();
    });
    open_well();
    disk_->set_step_hook({});
    EXPECT_GE(tries, 3);
    EXPECT_EQ(engine_->report().installs_redone, 1u);
    EXPECT_EQ(summary().applied.applied, snapshot.index);
    EXPECT_EQ(summary().applied.region_state, "installed");
}

TEST_F(EngineTest, IdleRegionDoesNotHoldTheLog) {
    constexpr RegionId kIdle{9};
    options_.log.segment_bytes = 64_KiB;
    options_.log_bytes_max = 512_KiB;
    open_well();
    create();
    create(kIdle);
    ASSERT_TRUE(append(kIdle, 6, 3).ok());
    ASSERT_TRUE(apply(kIdle, 7).ok());
    uint64_t next = 6;
    for (int round = 0; round < 40; ++round) {
        ASSERT_TRUE(append(kRegion, next, 5, 5, 4000).ok());
        next += 5;
        ASSERT_TRUE(apply(kRegion, next - 1).ok());
        ASSERT_TRUE(
            apply_commands(kRegion, Commands().truncate({raft::LogIndex(next - 2), raft::Term(5)}))
                .ok());
        ++next;
        let_time_pass(std::chrono::milliseconds(50));
    }
    EXPECT_GT(engine_->stats().entries_rewritten, 0u);
    EXPECT_LE(engine_->stats().log_bytes_live, options_.log_bytes_max);
    EXPECT_EQ(entries(kIdle, 6, 9), (std::vector<raft::Entry>{entry(6), entry(7), entry(8)}));
    crash_and_open(Death::kPowerCut);
    EXPECT_EQ(entries(kIdle, 6, 9), (std::vector<raft::Entry>{entry(6), entry(7), entry(8)}));
    EXPECT_EQ(summary(kIdle).applied.applied, raft::LogIndex(7));
}

// The state's files stand still, and entries go on coming, as they do on a follower.
TEST_F(EngineTest, LogWaitsForAFlushThatDoesNotEnd) {
    options_.log.segment_bytes = 64_KiB;
    options_.log_bytes_max = 512_KiB;
    open_well();
    create();
    disk_->inject({.operation = DiskOperation::kWrite,
                   .path_contains = "/state/",
                   .count = 20,
                   .kind = FaultKind::kStall});
    disk_->options().stall = std::chrono::seconds(100);
    uint64_t next = 6;
    Status appended;
    while (appended.ok() && next < 1000) appended = append(kRegion, next++, 1, 5, 4000);
    ASSERT_FALSE(appended.ok());
    EXPECT_EQ(appended.error().code, ErrorCode::kNoSpace);
    const uint64_t most = options_.log_bytes_max / 2 * 3 + 2 * options_.log.segment_bytes;
    EXPECT_LE(engine_->stats().log_bytes_live, most);
    // A vote goes through.
    WriteBatch vote;
    vote.set_hard_state(kRegion, {.term = raft::Term(9), .commit = raft::LogIndex(5)});
    EXPECT_TRUE(commit(std::move(vote), true).ok());
    const size_t calls = writable_calls_;
    disk_->clear_faults();
    run_until([&] { return writable_calls_ > calls && engine_->stats().state.flushes > 0; });
    const Status again = append(kRegion, next - 1, 1, 9, 4000);
    EXPECT_TRUE(again.ok()) << again.error().to_string();
}

TEST_F(EngineTest, LogOverItsLimitWantsCompaction) {
    options_.log.segment_bytes = 64_KiB;
    options_.log_bytes_max = 512_KiB;
    open_well();
    create();
    uint64_t next = 6;
    while (compactions_wanted_.empty() && next < 400) {
        ASSERT_TRUE(append(kRegion, next, 1, 5, 4000).ok());
        ASSERT_TRUE(apply(kRegion, next).ok());
        ++next;
    }
    ASSERT_FALSE(compactions_wanted_.empty());
    EXPECT_EQ(compactions_wanted_[0].first, kRegion);
    EXPECT_LE(compactions_wanted_[0].second, summary().applied.applied);
}

}  // namespace
}  // namespace timber::storage
