#include "src/raftstore/write_gate.h"

#include <algorithm>

namespace timber::raftstore {

void WriteGate::hold(HeldWrite write) {
    held_bytes_ += write.payload.size();
    held_.push_back(std::move(write));
}

bool WriteGate::open() const {
    if (rounds_.empty()) return true;
    if (held_.size() >= kRoundWrites || held_bytes_ >= kRoundBytes) return true;
    return rounds_.size() < kRoundsMax && held_.size() >= rounds_.back().writes;
}

std::vector<HeldWrite> WriteGate::take(std::optional<raft::Term> leads_in,
                                       raft::LogIndex committed) {
    if (term_ != leads_in) rounds_.clear();
    term_ = leads_in;
    while (!rounds_.empty() && rounds_.front().last <= committed) rounds_.pop_front();
    return open() ? take_all() : std::vector<HeldWrite>();
}

void WriteGate::proposed(raft::LogIndex last, size_t writes) { rounds_.push_back({last, writes}); }

std::vector<HeldWrite> WriteGate::take_all() {
    held_bytes_ = 0;
    return std::exchange(held_, {});
}

std::vector<HeldWrite> WriteGate::take_expired(uint64_t before_tick) {
    if (held_.empty() || held_.front().since_tick >= before_tick) return {};
    return take_all();
}

void WriteGate::check_invariants() const {
    TIMBER_ASSERT(std::ranges::is_sorted(rounds_, {}, &Round::last));  // WG1
    TIMBER_ASSERT(held_.empty() || !open());                           // WG2
}

}  // namespace timber::raftstore
