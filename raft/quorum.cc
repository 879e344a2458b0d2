#include "raft/quorum.h"

namespace timber::raft {

uint64_t majority_reached(std::span<uint64_t> numbers) {
    if (numbers.empty()) return 0;
    // Insertion sort, downwards: groups are small, and this runs for every acknowledgement.
    for (size_t i = 1; i < numbers.size(); ++i) {
        const uint64_t number = numbers[i];
        size_t at = i;
        for (; at > 0 && numbers[at - 1] < number; --at) numbers[at] = numbers[at - 1];
        numbers[at] = number;
    }
    const size_t needed = majority_count(numbers.size());
    TIMBER_ASSERT_OP(needed, <=, numbers.size());
    TIMBER_ASSERT_OP(needed * 2, >, numbers.size());
    return numbers[needed - 1];
}

VoteResult vote_result(size_t voters, size_t granted, size_t rejected) {
    TIMBER_ASSERT_OP(granted + rejected, <=, voters);
    if (voters == 0) return VoteResult::kLost;
    const size_t needed = majority_count(voters);
    if (granted >= needed) return VoteResult::kWon;
    // Lost as soon as those who may still answer cannot make a majority.
    return voters - rejected < needed ? VoteResult::kLost : VoteResult::kPending;
}

}  // namespace timber::raft
