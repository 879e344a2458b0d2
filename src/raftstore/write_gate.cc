#include "src/raftstore/write_gate.h"

#include <algorithm>

namespace timber::raftstore {

void WriteGate::hold(HeldWrite write) {
    held_bytes_ += write.payload.size();
    held_.push_back(std::move(write));
}

bool WriteGate::long_enough() const {
    return held_.size() >= kRoundWrites || held_bytes_ >= kRoundBytes;
}

std::vector<HeldWrite> WriteGate::take(bool leads, raft::LogIndex committed) {
    if (!leads) round_ends_.clear();
    while (!round_ends_.empty() && round_ends_.front() <= committed) round_ends_.pop_front();
    if (round_ends_.size() >= kRoundsMax && !long_enough()) return {};
    return take_all();
}

void WriteGate::proposed(raft::LogIndex last) {
    // A leader's log only grows; what was left of an earlier leadership is gone.
    while (!round_ends_.empty() && round_ends_.back() >= last) round_ends_.pop_back();
    round_ends_.push_back(last);
}

std::vector<HeldWrite> WriteGate::take_all() {
    held_bytes_ = 0;
    return std::exchange(held_, {});
}

std::vector<HeldWrite> WriteGate::take_expired(uint64_t before_tick) {
    if (held_.empty() || held_.front().since_tick >= before_tick) return {};
    return take_all();
}

void WriteGate::check_invariants() const {
    TIMBER_ASSERT(std::ranges::is_sorted(round_ends_));                                    // WG1
    TIMBER_ASSERT(held_.empty() || (round_ends_.size() >= kRoundsMax && !long_enough()));  // WG2
}

}  // namespace timber::raftstore
