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
    take_back_refused();
    return messages;
}

void PeerWrites::refused(size_t count, raft::WriteNumber number) {
    const auto end = std::ranges::upper_bound(in_flight_, number, {}, &raft::Write::number);
    TIMBER_ASSERT_OP(static_cast<size_t>(end - in_flight_.begin()), >=, count);
    const auto begin = end - static_cast<ptrdiff_t>(count);
    for (auto write = begin; write != end; ++write) {
        if (write->snapshot) installing_ = false;
        refused_.push_back(std::move(*write));
    }
    in_flight_.erase(begin, end);
    take_back_refused();
    check_invariants();
}

void PeerWrites::take_back_refused() {
    if (!in_flight_.empty()) return;
    while (!refused_.empty()) {
        waiting_.push_front(std::move(refused_.back()));
        refused_.pop_back();
    }
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
    raft::WriteNumber last_refused{};
    for (const raft::Write& write : refused_) {
        TIMBER_ASSERT_OP(last_refused, <, write.number);  // PW1
        last_refused = write.number;
    }
    raft::WriteNumber last{};
    for (const auto* queue : {&in_flight_, &waiting_}) {
        for (const raft::Write& write : *queue) {
            TIMBER_ASSERT_OP(last, <, write.number);  // PW1
            last = write.number;
        }
    }
    if (!waiting_.empty()) TIMBER_ASSERT_OP(last_refused, <, waiting_.front().number);
}

}  // namespace timber::raftstore
