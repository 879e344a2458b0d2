// What a leader knows of a follower, and the window of appends in flight.
#include "raft/progress.h"

#include <gtest/gtest.h>

#include <deque>

#include "raft/entry_ring.h"
#include "src/base/random.h"

namespace timber::raft {

TEST(Inflights, RandomUse_MatchesADeque) {
    for (uint64_t seed = 1; seed <= 200; ++seed) {
        Random random(seed);
        const auto messages_max = static_cast<uint32_t>(random.between(1, 9));
        const size_t bytes_max = random.between(1, 60);
        Inflights inflights(messages_max, bytes_max);
        std::deque<std::pair<LogIndex, size_t>> twin;
        LogIndex last{0};
        for (int step = 0; step < 300; ++step) {
            size_t bytes = 0;
            for (const auto& [index, size] : twin) bytes += size;
            ASSERT_EQ(inflights.count(), twin.size());
            ASSERT_EQ(inflights.bytes(), bytes);
            ASSERT_EQ(inflights.full(), twin.size() >= messages_max || bytes >= bytes_max);
            inflights.check_invariants();
            if (!inflights.full() && random.percent(60)) {
                last += random.between(1, 3);
                twin.emplace_back(last, random.below(20));
                inflights.add(last, twin.back().second);
            } else {
                const LogIndex to(random.below(last.value() + 2));
                inflights.free_to(to);
                while (!twin.empty() && twin.front().first <= to) twin.pop_front();
            }
        }
    }
}

TEST(EntryRing, RandomUse_MatchesAVector) {
    for (uint64_t seed = 1; seed <= 100; ++seed) {
        Random random(seed);
        EntryRing ring(LogIndex(1));
        std::deque<Entry> twin;
        LogIndex first{1};
        for (int step = 0; step < 1000; ++step) {
            size_t bytes = 0;
            for (const Entry& entry : twin) bytes += entry_bytes(entry);
            ASSERT_EQ(ring.count(), twin.size());
            ASSERT_EQ(ring.bytes(), bytes);
            ASSERT_EQ(ring.first_index(), first);
            if (!twin.empty()) {
                const uint64_t at = random.below(twin.size());
                ASSERT_EQ(ring.at(first + at), twin[at]);
            }
            if (random.percent(70)) {
                const Entry entry{Term(1), first + twin.size(), EntryType::kNormal,
                                  Payload::copy_of(std::string(random.below(5), 'x'))};
                twin.push_back(entry);
                ring.push_back(entry);
            } else if (random.one_in(2)) {
                if (twin.empty()) continue;
                twin.pop_front();
                ring.pop_front();
                ++first;
            } else {
                const uint64_t kept = random.below(twin.size() + 1);
                ring.truncate_from(first + kept);
                twin.resize(kept);
            }
        }
    }
}

static Progress follower(LogIndex match, LogIndex next) {
    Progress progress;
    progress.id = NodeId(2);
    progress.match = match;
    progress.next = next;
    progress.inflights = Inflights(4, 1000);
    return progress;
}

TEST(Progress, LateAcknowledgement_DoesNotMoveMatchBack) {
    Progress progress = follower(LogIndex(5), LogIndex(9));
    EXPECT_FALSE(progress.acknowledge(LogIndex(3)));
    EXPECT_EQ(progress.match, LogIndex(5));
    EXPECT_TRUE(progress.acknowledge(LogIndex(8)));
    EXPECT_EQ(progress.next, LogIndex(9));
}

TEST(Progress, ProbeRejected_GoesBackToTheHintButNotBehindMatch) {
    Progress progress = follower(LogIndex(5), LogIndex(20));
    EXPECT_FALSE(progress.reject(LogIndex(18), LogIndex(7))) << "an answer to an older probe";
    EXPECT_TRUE(progress.reject(LogIndex(19), LogIndex(7)));
    EXPECT_EQ(progress.next, LogIndex(8));
    EXPECT_TRUE(progress.reject(LogIndex(7), LogIndex(1)));
    EXPECT_EQ(progress.next, LogIndex(6));
}

TEST(Progress, StreamRejected_ProbesFromMatchUnlessTheRefusalIsOld) {
    Progress progress = follower(LogIndex(5), LogIndex(6));
    progress.become_replicate();
    progress.sent(LogIndex(8), 3, 100);
    EXPECT_EQ(progress.next, LogIndex(9));
    EXPECT_FALSE(progress.reject(LogIndex(4), LogIndex(2)));
    EXPECT_TRUE(progress.reject(LogIndex(8), LogIndex(5)));
    EXPECT_EQ(progress.state, ProgressState::kProbe);
    EXPECT_EQ(progress.next, LogIndex(6));
    EXPECT_EQ(progress.inflights.count(), 0u);
}

TEST(Progress, SnapshotUnanswered_IsProbedBehindItNotSentAgain) {
    Progress progress = follower(LogIndex(0), LogIndex(1));
    progress.become_snapshot(LogIndex(50), 3);
    EXPECT_TRUE(progress.paused());
    EXPECT_FALSE(progress.tick_snapshot());
    progress.report_snapshot_alive(3);
    EXPECT_FALSE(progress.tick_snapshot());
    EXPECT_FALSE(progress.tick_snapshot());
    EXPECT_TRUE(progress.tick_snapshot());
    EXPECT_EQ(progress.state, ProgressState::kProbe);
    EXPECT_EQ(progress.next, LogIndex(51));
}

TEST(Progress, SnapshotFailed_IsSentAgainAfterAWhile) {
    Progress progress = follower(LogIndex(0), LogIndex(1));
    progress.become_snapshot(LogIndex(50), 100);
    progress.report_snapshot_failed(2);
    EXPECT_FALSE(progress.tick_snapshot());
    EXPECT_TRUE(progress.tick_snapshot());
    EXPECT_EQ(progress.next, LogIndex(1));
}

TEST(Progress, Slow_GetsOneAppendAtATime) {
    Progress progress = follower(LogIndex(5), LogIndex(6));
    progress.become_replicate();
    progress.slow = true;
    EXPECT_FALSE(progress.paused());
    progress.sent(LogIndex(6), 1, 10);
    EXPECT_TRUE(progress.paused());
}

}  // namespace timber::raft
