#include "raft/log.h"

#include <algorithm>

#include "src/base/mistake.h"

namespace timber::raft {

Log::Log(const Storage& storage, Limits limits, LogIndex commit, LogIndex applied, Term last_term)
    : storage_(storage),
      limits_(limits),
      tail_(storage.last_index() + 1),
      last_(storage.last_index()),
      last_term_(last_term),
      issued_(last_),
      durable_(last_),
      committed_(commit),
      handed_over_(applied),
      applied_(applied) {
    TIMBER_ASSERT_OP(applied_, <=, committed_);
    TIMBER_ASSERT_OP(committed_, <=, last_);
    TIMBER_ASSERT_OP(storage.first_index(), <=, applied_ + 1);
}

LogIndex Log::pending_snapshot_index() const {
    return pending_snapshot_ ? pending_snapshot_->metadata.index : LogIndex(0);
}

LogIndex Log::first_index() const {
    return pending_snapshot_ ? pending_snapshot_index() + 1 : storage_.first_index();
}

TermAt Log::term(LogIndex index) const {
    if (index > last_) return {Lookup::kBeyond, {}};
    if (index + 1 < first_index()) return {Lookup::kCompacted, {}};
    if (tail_.holds(index)) return {Lookup::kFound, tail_.at(index).term};
    if (pending_snapshot_) {
        TIMBER_ASSERT_OP(index, ==, pending_snapshot_index());
        return {Lookup::kFound, pending_snapshot_->metadata.term};
    }
    TIMBER_ASSERT_OP(index, <=, durable_);
    const Result<Term> stored = storage_.term(index);
    if (!stored) return {Lookup::kUnknown, {}};
    return {Lookup::kFound, *stored};
}

bool Log::read(LogIndex low, LogIndex high, size_t bytes_max, size_t entries_max,
               std::vector<Entry>& found) const {
    TIMBER_ASSERT(entries_max > 0);
    high = std::min(high, last_ + 1);
    if (low >= high) return true;
    if (low < first_index()) return false;
    if (high - low > entries_max) high = low + entries_max;
    if (!tail_.holds(low)) {
        const LogIndex stored_high = std::min(high, tail_.first_index());
        TIMBER_ASSERT_OP(low, <, stored_high);
        Result<std::vector<Entry>> stored = storage_.entries(low, stored_high, bytes_max);
        // A storage that gives other entries than asked for is not believed.
        if (!stored || stored->empty() || stored->front().index != low) return false;
        if (stored->back().index != low + (stored->size() - 1)) return false;
        if (stored->back().index >= stored_high) return false;
        found = std::move(*stored);
        if (found.back().index + 1 < stored_high) return true;  // the limit of bytes was met
        low = stored_high;
    }
    size_t bytes = 0;
    for (const Entry& entry : found) bytes += entry_bytes(entry);
    found.reserve(found.size() + std::min<size_t>(high - low, 4096));
    for (; low < high; ++low) {
        const Entry& entry = tail_.at(low);
        bytes += entry_bytes(entry);
        if (!found.empty() && bytes > bytes_max) break;
        found.push_back(entry);
    }
    return true;
}

SnapshotPointer Log::snapshot() const {
    if (pending_snapshot_) return pending_snapshot_;
    Result<SnapshotPointer> stored = storage_.snapshot();
    if (!stored || !*stored || (*stored)->metadata.index == LogIndex(0)) return nullptr;
    // Who installs it goes on with the entry behind it. Where that is compacted, it would need
    // another snapshot at once.
    if ((*stored)->metadata.index + 1 < first_index()) return nullptr;
    return std::move(*stored);
}

bool Log::up_to_date(LogIndex index, Term term) const {
    return term > last_term_ || (term == last_term_ && index >= last_);
}

LogIndex Log::last_with_term_at_most(LogIndex index, Term bound, Term& found) const {
    index = std::min(index, last_);
    for (; index > LogIndex(0); --index) {
        const TermAt at = term(index);
        found = at.term;
        if (at.lookup != Lookup::kFound || at.term <= bound) return index;
    }
    found = Term(0);
    return index;
}

bool Log::has_unapplied_change() const {
    for (LogIndex low = applied_ + 1; low <= committed_;) {
        std::vector<Entry> page;
        if (pending_snapshot_ && low <= pending_snapshot_index()) {
            // What the snapshot holds is in force already: restoring it set the membership.
            low = pending_snapshot_index() + 1;
            continue;
        }
        if (!read(low, committed_ + 1, limits_.page_bytes_max, SIZE_MAX, page)) return true;
        TIMBER_ASSERT(!page.empty());
        for (const Entry& entry : page) {
            if (entry.type == EntryType::kConfChange) return true;
        }
        low = page.back().index + 1;
    }
    return false;
}

void Log::append(Entry entry) {
    TIMBER_ASSERT_OP(entry.index, ==, last_ + 1);
    TIMBER_ASSERT_OP(entry.term, >=, last_term_);
    last_term_ = entry.term;
    tail_.push_back(std::move(entry));
    ++last_;
}

AppendOutcome Log::append_after(LogIndex previous, Term previous_term,
                                std::span<const Entry> entries) {
    const TermAt at = term(previous);
    if (at.lookup == Lookup::kUnknown) return AppendOutcome::kUnknown;
    if (!at.is(previous_term) && !TIMBER_MISTAKE(raft_append_without_previous_check)) {
        return AppendOutcome::kMismatch;
    }
    if (TIMBER_MISTAKE(raft_append_without_previous_check) && previous > last_) {
        return AppendOutcome::kMismatch;
    }
    // What is here already stays, and with it everything behind: a short append that was delayed
    // must not take away what was acknowledged since.
    size_t known = 0;
    for (; known < entries.size(); ++known) {
        const TermAt here = term(entries[known].index);
        if (here.lookup == Lookup::kUnknown) return AppendOutcome::kUnknown;
        if (!here.is(entries[known].term)) break;
    }
    if (known == entries.size()) return AppendOutcome::kAccepted;
    const LogIndex from = entries[known].index;
    if (from <= committed_) return AppendOutcome::kForbidden;
    if (from <= last_) truncate_from(from);
    for (const Entry& entry : entries.subspan(known)) append(entry);
    TIMBER_ASSERT_OP(last_, ==, entries.back().index);
    return AppendOutcome::kAccepted;
}

void Log::truncate_from(LogIndex index) {
    TIMBER_ASSERT_OP(index, >, committed_);
    TIMBER_ASSERT_OP(index, <=, last_);
    if (index < tail_.first_index()) {
        tail_.restart(index);
    } else {
        tail_.truncate_from(index);
    }
    last_ = index - 1;
    last_term_ = Term(0);  // the entries that take the place bring theirs
    if (TIMBER_MISTAKE(raft_truncate_keeps_durable)) return;
    issued_ = std::min(issued_, last_);
    durable_ = std::min(durable_, last_);
    for (WriteInFlight& write : writes_) write.covers = std::min(write.covers, last_);
    TIMBER_ASSERT_OP(durable_, <=, issued_);
}

void Log::commit_to(LogIndex index) {
    TIMBER_ASSERT_OP(index, <=, last_);
    committed_ = std::max(committed_, index);
}

void Log::restore(SnapshotPointer snapshot) {
    TIMBER_ASSERT(snapshot != nullptr);
    const LogIndex index = snapshot->metadata.index;
    if (!TIMBER_MISTAKE(raft_stale_snapshot_accepted)) TIMBER_ASSERT_OP(index, >, committed_);
    last_term_ = snapshot->metadata.term;
    pending_snapshot_ = std::move(snapshot);
    snapshot_write_.reset();
    tail_.restart(index + 1);
    last_ = index;
    committed_ = index;
    // Nothing of the new log is durable, and what is on its way belongs to the old one.
    issued_ = durable_ = LogIndex(0);
    for (WriteInFlight& write : writes_) write.covers = LogIndex(0);
}

bool Log::has_unissued() const {
    return issued_ < last_ || (pending_snapshot_ && !snapshot_write_);
}

void Log::issue(Write& write, size_t bytes_max) {
    TIMBER_ASSERT(writes_.empty() || writes_.back().number < write.number);
    LogIndex from = issued_ + 1;
    if (pending_snapshot_ && !snapshot_write_) {
        write.snapshot = pending_snapshot_;
        snapshot_write_ = write.number;
        from = pending_snapshot_index() + 1;
    }
    TIMBER_ASSERT_OP(from, >=, tail_.first_index());
    LogIndex end = from;
    for (size_t bytes = 0; end <= last_; ++end) {
        bytes += entry_bytes(tail_.at(end));
        if (end > from && bytes > bytes_max) break;
    }
    write.entries.reserve(end - from);
    for (LogIndex index = from; index < end; ++index) write.entries.push_back(tail_.at(index));
    issued_ = end - 1;
    const Term last_term = write.entries.empty() ? last_term_ : write.entries.back().term;
    writes_.push_back({write.number, issued_, issued_, last_term});
}

void Log::persisted(WriteNumber number) {
    while (!writes_.empty() && writes_.front().number <= number) {
        const WriteInFlight& write = writes_.front();
        durable_ = std::max(durable_, write.covers);
        if (TIMBER_MISTAKE(raft_completion_by_index_and_term)) {
            if (term(write.last).is(write.last_term)) {
                durable_ = std::max(durable_, write.last);
                issued_ = std::max(issued_, durable_);
            }
        }
        writes_.pop_front();
    }
    TIMBER_ASSERT_OP(durable_, <=, issued_);
    if (pending_snapshot_ && snapshot_write_ && *snapshot_write_ <= number) {
        // It is installed: the state machine has jumped, past everything that was handed over.
        const LogIndex index = pending_snapshot_index();
        TIMBER_ASSERT_OP(durable_, >=, index);
        pending_snapshot_.reset();
        snapshot_write_.reset();
        handed_over_ = std::max(handed_over_, index);
        applied_ = std::max(applied_, index);
        applying_.clear();
        applying_bytes_ = 0;
    }
    trim_cache();
}

LogIndex Log::hand_over_limit() const {
    if (pending_snapshot_) return handed_over_;
    if (TIMBER_MISTAKE(rs_applied_before_durable)) return std::max(handed_over_, committed_);
    return std::max(handed_over_, std::min(committed_, durable_));
}

bool Log::can_hand_over() const {
    if (page_unreadable_ || applying_bytes_ >= limits_.applying_bytes_max) return false;
    return hand_over_limit() > handed_over_;
}

std::vector<Entry> Log::hand_over() {
    std::vector<Entry> page;
    if (!can_hand_over()) return page;
    const LogIndex low = handed_over_ + 1;
    page_unreadable_ = !read(low, hand_over_limit() + 1, limits_.page_bytes_max, SIZE_MAX, page);
    if (page_unreadable_) return {};
    TIMBER_ASSERT(!page.empty());
    TIMBER_ASSERT_OP(page.front().index, ==, low);
    size_t bytes = 0;
    for (const Entry& entry : page) bytes += entry_bytes(entry);
    handed_over_ = page.back().index;
    if (TIMBER_MISTAKE(raft_change_handed_over_twice)) {
        if (page.back().type == EntryType::kConfChange) --handed_over_;
    }
    applying_.push_back({handed_over_, bytes});
    applying_bytes_ += bytes;
    return page;
}

void Log::applied_to(LogIndex index) {
    TIMBER_ASSERT_OP(index, <=, handed_over_);
    applied_ = std::max(applied_, index);
    while (!applying_.empty() && applying_.front().last <= applied_) {
        TIMBER_ASSERT_OP(applying_bytes_, >=, applying_.front().bytes);
        applying_bytes_ -= applying_.front().bytes;
        applying_.pop_front();
    }
    trim_cache();
}

void Log::trim_cache() {
    while (tail_.bytes() > limits_.cache_bytes_max && tail_.first_index() <= durable_) {
        tail_.pop_front();
    }
}

void Log::check_invariants() const {
    TIMBER_ASSERT_OP(applied_, <=, handed_over_);  // L1
    TIMBER_ASSERT_OP(handed_over_, <=, committed_);
    TIMBER_ASSERT_OP(committed_, <=, last_);
    if (!pending_snapshot_) TIMBER_ASSERT_OP(handed_over_, <=, durable_);  // L2
    TIMBER_ASSERT_OP(durable_, <=, issued_);
    TIMBER_ASSERT_OP(issued_, <=, last_);
    TIMBER_ASSERT_OP(tail_.end_index(), ==, last_ + 1);  // L3
    const LogIndex needed = std::max(durable_, pending_snapshot_index()) + 1;
    TIMBER_ASSERT_OP(tail_.first_index(), <=, needed);
    Term term_before{};
    LogIndex index = tail_.first_index();
    for (; index < tail_.end_index(); ++index) {
        TIMBER_ASSERT_OP(tail_.at(index).index, ==, index);
        TIMBER_ASSERT_OP(tail_.at(index).term, >=, term_before);  // L4
        term_before = tail_.at(index).term;
    }
    LogIndex covered_before{};
    for (const WriteInFlight& write : writes_) {
        TIMBER_ASSERT_OP(write.covers, <=, issued_);  // L5
        TIMBER_ASSERT_OP(write.covers, >=, covered_before);
        covered_before = write.covers;
    }
}

}  // namespace timber::raft
