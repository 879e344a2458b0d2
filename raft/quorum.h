#pragma once
// The arithmetic of majorities, for plain and joint configurations.
//
// Thread:     pure functions.
// Invariants: Q1  two majorities of one list of voters share a voter.
//             Q2  without voters nothing is reached and every vote is lost.
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "raft/types.h"

namespace timber::raft {

inline size_t majority_count(size_t voters) { return voters / 2 + 1; }

// The highest number that a majority of `numbers` has reached. Reorders `numbers`.
uint64_t majority_reached(std::span<uint64_t> numbers);

// The highest number that a majority of `voters` has reached; number_of(id) tells each one's.
template <typename NumberOf>
uint64_t majority_of(std::span<const NodeId> voters, const NumberOf& number_of) {
    constexpr size_t kOnStack = 16;
    std::array<uint64_t, kOnStack> on_stack;
    std::vector<uint64_t> on_heap;
    std::span<uint64_t> numbers(on_stack.data(), std::min(voters.size(), kOnStack));
    if (voters.size() > kOnStack) {
        on_heap.resize(voters.size());
        numbers = on_heap;
    }
    TIMBER_ASSERT_OP(numbers.size(), ==, voters.size());
    for (size_t i = 0; i < voters.size(); ++i) numbers[i] = number_of(voters[i]);
    return majority_reached(numbers);
}

// The same for a configuration: in a joint one both lists must have reached it.
template <typename NumberOf>
uint64_t quorum_of(const ConfState& conf, const NumberOf& number_of) {
    const uint64_t incoming = majority_of(std::span(conf.voters), number_of);
    if (conf.voters_outgoing.empty()) return incoming;
    return std::min(incoming, majority_of(std::span(conf.voters_outgoing), number_of));
}

enum class VoteResult : uint8_t { kPending, kWon, kLost };

// `granted` and `rejected` are counted among `voters` voters.
VoteResult vote_result(size_t voters, size_t granted, size_t rejected);

// The state of a vote; vote_of(id) gives an optional<bool>, empty for who has not answered.
template <typename VoteOf>
VoteResult vote_of_quorum(const ConfState& conf, const VoteOf& vote_of) {
    const auto count = [&](std::span<const NodeId> voters) {
        size_t granted = 0, rejected = 0;
        for (const NodeId id : voters) {
            const std::optional<bool> vote = vote_of(id);
            granted += vote == true;
            rejected += vote == false;
        }
        return vote_result(voters.size(), granted, rejected);
    };
    const VoteResult incoming = count(conf.voters);
    if (conf.voters_outgoing.empty() || incoming == VoteResult::kLost) return incoming;
    const VoteResult outgoing = count(conf.voters_outgoing);
    return incoming == VoteResult::kWon    ? outgoing
           : outgoing == VoteResult::kLost ? VoteResult::kLost
                                           : VoteResult::kPending;
}

}  // namespace timber::raft
