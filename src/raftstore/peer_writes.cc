#include "src/raftstore/peer_writes.h"

#include <algorithm>

#include "src/base/assert.h"

namespace timber::raftstore {

void PeerWrites::hold(raft::OnceDurable messages) {
    if (!held_.empty()) TIMBER_ASSERT_OP(held_.back().write, <=, messages.write);
    held_.push_back(std::move(messages));
}

bool PeerWrites::urgent(const raft::Write& write) {
    // Votes, and the empty entry that opens a leader's term, without which it can serve no read.
    return !write.snapshot && std::ranges::all_of(write.entries, [](const raft::Entry& entry) {
        return entry.payload.empty();
    });
}

PeerWrites::Offer PeerWrites::offer(size_t bytes_max, bool urgent_only) const {
    Offer offer;
    if (installing_ || !refused_.empty()) return offer;
    size_t bytes = 0;
    std::optional<raft::LogIndex> last;
    for (const raft::Write& write : waiting_) {
        const bool is_urgent = urgent(write);
        if (urgent_only && !is_urgent) break;
        if (write.snapshot && offer.count > 0) break;
        if (!write.entries.empty()) {
            // One batch holds one run of entries; what replaces some of them goes into the next.
            if (last && write.entries.front().index != *last + 1) break;
            last = write.entries.back().index;
        }
        for (const raft::Entry& entry : write.entries) bytes += raft::entry_bytes(entry);
        if (offer.count > 0 && bytes > bytes_max) break;
        ++offer.count;
        offer.urgent = offer.urgent && is_urgent;
        if (write.snapshot) break;
    }
    return offer;
}

void PeerWrites::accepted(size_t count) {
    TIMBER_ASSERT_OP(count, <=, waiting_.size());
    for (size_t i = 0; i < count; ++i) {
        if (waiting_.front().snapshot) {
            TIMBER_ASSERT(count == 1);
            installing_ = true;
        }
        in_flight_.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
}

std::vector<raft::Message> PeerWrites::durable(raft::WriteNumber number) {
    if (!refused_.empty()) TIMBER_ASSERT_OP(number, <, refused_.front().number);
    while (!in_flight_.empty() && in_flight_.front().number <= number) {
        if (in_flight_.front().snapshot) installing_ = false;
        in_flight_.pop_front();
    }
    std::vector<raft::Message> messages;
    while (!held_.empty() && held_.front().write <= number) {
        for (raft::Message& message : held_.front().messages) {
            messages.push_back(std::move(message));
        }
        held_.pop_front();
    }
    return messages;
}

void PeerWrites::refused(raft::WriteNumber first, raft::WriteNumber last) {
    const auto begin = std::ranges::lower_bound(in_flight_, first, {}, &raft::Write::number);
    const auto end = std::ranges::upper_bound(in_flight_, last, {}, &raft::Write::number);
    for (auto at = begin; at != end; ++at) {
        if (at->snapshot) installing_ = false;
        const auto place = std::ranges::lower_bound(refused_, at->number, {}, &raft::Write::number);
        refused_.insert(place, std::move(*at));
    }
    in_flight_.erase(begin, end);
    if (refused_.empty()) return;
    if (!in_flight_.empty() && in_flight_.back().number > refused_.front().number) return;
    while (!refused_.empty()) {
        waiting_.push_front(std::move(refused_.back()));
        refused_.pop_back();
    }
    check_invariants();
}

std::vector<raft::Message> PeerWrites::take_held() {
    std::vector<raft::Message> messages;
    for (raft::OnceDurable& held : held_) {
        for (raft::Message& message : held.messages) messages.push_back(std::move(message));
    }
    held_.clear();
    return messages;
}

void PeerWrites::check_invariants() const {
    std::vector<raft::WriteNumber> on_their_way;
    for (const auto* queue : {&refused_, &in_flight_}) {
        TIMBER_ASSERT(std::ranges::is_sorted(*queue, {}, &raft::Write::number));  // PW1
        for (const raft::Write& write : *queue) on_their_way.push_back(write.number);
    }
    std::ranges::sort(on_their_way);
    raft::WriteNumber last{};
    for (const raft::WriteNumber number : on_their_way) {
        TIMBER_ASSERT_OP(last, <, number);  // PW1
        last = number;
    }
    for (const raft::Write& write : waiting_) {
        TIMBER_ASSERT_OP(last, <, write.number);  // PW1
        last = write.number;
    }
}

}  // namespace timber::raftstore
