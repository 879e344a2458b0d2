// Majorities against a stupid twin, over every small case.
#include "raft/quorum.h"

#include <gtest/gtest.h>

#include <bit>
#include <map>

#include "raft/membership.h"

namespace timber::raft {

static std::vector<NodeId> ids(uint64_t mask) {
    std::vector<NodeId> found;
    for (uint64_t i = 0; i < 8; ++i) {
        if (mask >> i & 1) found.push_back(NodeId(i + 1));
    }
    return found;
}

// The twin: tries every value from the top, and counts.
static uint64_t reached_by_counting(const std::vector<uint64_t>& numbers) {
    for (uint64_t value = 8; value > 0; --value) {
        size_t count = 0;
        for (const uint64_t number : numbers) count += number >= value;
        if (count * 2 > numbers.size()) return value;
    }
    return 0;
}

TEST(Quorum, EverySmallGroup_ReachesWhatCountingSays) {
    for (size_t voters = 0; voters <= 5; ++voters) {
        size_t cases = 1;
        for (size_t i = 0; i < voters; ++i) cases *= 5;
        for (size_t each = 0; each < cases; ++each) {
            std::vector<uint64_t> numbers;
            for (size_t rest = each, i = 0; i < voters; ++i, rest /= 5) numbers.push_back(rest % 5);
            std::vector<uint64_t> sorted = numbers;
            ASSERT_EQ(majority_reached(sorted), reached_by_counting(numbers));
        }
    }
}

TEST(Quorum, Joint_NeedsBothMajorities) {
    const ConfState conf{ids(0b00111), {}, ids(0b11100)};
    for (uint64_t each = 0; each < 243; ++each) {
        std::map<NodeId, uint64_t> numbers;
        for (uint64_t rest = each, i = 1; i <= 5; ++i, rest /= 3) numbers[NodeId(i)] = rest % 3;
        const auto of = [&](NodeId id) { return numbers[id]; };
        ASSERT_EQ(quorum_of(conf, of),
                  std::min(reached_by_counting({of(NodeId(1)), of(NodeId(2)), of(NodeId(3))}),
                           reached_by_counting({of(NodeId(3)), of(NodeId(4)), of(NodeId(5))})));
    }
}

TEST(Quorum, Votes_AreLostWhenTheRestCannotWin) {
    for (size_t voters = 1; voters <= 9; ++voters) {
        for (size_t granted = 0; granted <= voters; ++granted) {
            for (size_t rejected = 0; granted + rejected <= voters; ++rejected) {
                const size_t open = voters - granted - rejected;
                const bool won = granted * 2 > voters;
                const bool can_win = (granted + open) * 2 > voters;
                ASSERT_EQ(vote_result(voters, granted, rejected), won       ? VoteResult::kWon
                                                                  : can_win ? VoteResult::kPending
                                                                            : VoteResult::kLost);
            }
        }
    }
    EXPECT_EQ(vote_result(0, 0, 0), VoteResult::kLost);
}

// Section 4.1 of the dissertation: any majority before a change shares a voter with any after it.
TEST(Membership, AnyChange_KeepsMajoritiesMeeting) {
    for (uint64_t voters = 1; voters < 32; ++voters) {
        for (uint64_t node = 1; node <= 6; ++node) {
            for (const ConfChangeType type :
                 {ConfChangeType::kAddVoter, ConfChangeType::kAddLearner,
                  ConfChangeType::kRemove}) {
                const ConfState before{ids(voters), {}, {}};
                const ConfState after = changed(before, {type, NodeId(node), {}});
                ASSERT_TRUE(well_formed(after));
                uint64_t after_mask = 0;
                for (const NodeId id : after.voters) after_mask |= 1ull << (id.value() - 1);
                for (uint64_t one = 0; one < 64; ++one) {
                    for (uint64_t two = 0; two < 64; ++two) {
                        if ((one & voters) != one || (two & after_mask) != two) continue;
                        const auto size = [](uint64_t mask) { return std::popcount(mask); };
                        if (size(one) * 2 <= size(voters)) continue;
                        if (size(two) * 2 <= size(after_mask)) continue;
                        ASSERT_NE(one & two, 0u) << voters << " -> " << after_mask;
                    }
                }
            }
        }
    }
}

TEST(Membership, BadLists_AreNotWellFormed) {
    EXPECT_TRUE(well_formed({ids(0b101), ids(0b010), {}}));
    EXPECT_FALSE(well_formed({{NodeId(2), NodeId(1)}, {}, {}}));
    EXPECT_FALSE(well_formed({{NodeId(1), NodeId(1)}, {}, {}}));
    EXPECT_FALSE(well_formed({{NodeId(0)}, {}, {}}));
    EXPECT_FALSE(well_formed({ids(0b11), ids(0b10), {}}));
    EXPECT_FALSE(well_formed({std::vector<NodeId>(5000, NodeId(1)), {}, {}}));
}

TEST(ConfChange, EncodesAndDecodes) {
    const ConfChange change{ConfChangeType::kRemove, NodeId(300), Payload::copy_of("why")};
    EXPECT_EQ(decode_conf_change(encode_conf_change(change)).value(), change);
}

TEST(ConfChange, Malformed_IsAnError) {
    EXPECT_FALSE(decode_conf_change(Payload()).ok());
    EXPECT_FALSE(decode_conf_change(Payload::copy_of(std::string_view("\0", 1))).ok());
    EXPECT_FALSE(decode_conf_change(Payload::copy_of(std::string_view("\0\0", 2))).ok());
    EXPECT_FALSE(decode_conf_change(Payload::copy_of("\7\1")).ok());
}

}  // namespace timber::raft
