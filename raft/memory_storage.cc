#include "raft/memory_storage.h"

namespace timber::raft {

MemoryStorage::MemoryStorage(ConfState conf_state, LogIndex index, Term term)
    : conf_state_(conf_state), base_index_(index), base_term_(term) {
    hard_state_ = {term, kNobody, index};
    snapshot_ = std::make_shared<Snapshot>(Snapshot{{index, term, std::move(conf_state)}, {}});
}

void MemoryStorage::apply(const Write& write) {
    if (write.snapshot) install(*write.snapshot);
    append(write.entries);
    if (write.hard_state) hard_state_ = *write.hard_state;
}

void MemoryStorage::append(std::span<const Entry> entries) {
    if (entries.empty()) return;
    TIMBER_ASSERT_OP(entries.front().index, >, base_index_);
    TIMBER_ASSERT_OP(entries.front().index, <=, last_index() + 1);
    const uint64_t kept = entries.front().index - base_index_ - 1;
    entries_.erase(entries_.begin() + static_cast<ptrdiff_t>(kept), entries_.end());
    entries_.insert(entries_.end(), entries.begin(), entries.end());
    TIMBER_ASSERT_OP(last_index(), ==, entries.back().index);
}

void MemoryStorage::install(const Snapshot& snapshot) {
    TIMBER_ASSERT_OP(snapshot.metadata.index, >=, base_index_);
    snapshot_ = std::make_shared<Snapshot>(snapshot);
    conf_state_ = snapshot.metadata.conf_state;
    base_index_ = snapshot.metadata.index;
    base_term_ = snapshot.metadata.term;
    entries_.clear();
}

void MemoryStorage::make_snapshot(LogIndex index, const ConfState& conf_state, Payload data) {
    TIMBER_ASSERT_OP(index, >=, base_index_);
    TIMBER_ASSERT_OP(index, <=, last_index());
    const Term at = index == base_index_ ? base_term_ : entries_[index - base_index_ - 1].term;
    snapshot_ = std::make_shared<Snapshot>(Snapshot{{index, at, conf_state}, std::move(data)});
}

void MemoryStorage::compact(LogIndex index) {
    if (index <= base_index_) return;
    TIMBER_ASSERT_OP(index, <=, snapshot_->metadata.index);
    TIMBER_ASSERT_OP(index, <=, last_index());
    const uint64_t count = index - base_index_;
    base_term_ = entries_[count - 1].term;
    base_index_ = index;
    entries_.erase(entries_.begin(), entries_.begin() + static_cast<ptrdiff_t>(count));
}

InitialState MemoryStorage::initial_state() const { return {hard_state_, conf_state_}; }

Result<Term> MemoryStorage::term(LogIndex index) const {
    if (index == base_index_) return base_term_;
    if (index < base_index_ || index > last_index()) {
        return make_error(ErrorCode::kNotFound,
                          "entry " + std::to_string(index.value()) + " is not in the log");
    }
    return entries_[index - base_index_ - 1].term;
}

Result<std::vector<Entry>> MemoryStorage::entries(LogIndex low, LogIndex high,
                                                  size_t bytes_max) const {
    TIMBER_ASSERT_OP(low, <, high);
    if (low <= base_index_ || high > last_index() + 1) {
        return make_error(ErrorCode::kNotFound,
                          "entries from " + std::to_string(low.value()) + " on are not in the log");
    }
    std::vector<Entry> found;
    size_t bytes = 0;
    for (LogIndex index = low; index < high; ++index) {
        const Entry& entry = entries_[index - base_index_ - 1];
        bytes += entry_bytes(entry);
        if (!found.empty() && bytes > bytes_max) break;
        found.push_back(entry);
    }
    TIMBER_ASSERT(!found.empty());
    return found;
}

Result<SnapshotPointer> MemoryStorage::snapshot() const {
    if (snapshot_busy_) return make_error(ErrorCode::kBusy, "the snapshot is being made");
    return snapshot_;
}

}  // namespace timber::raft
