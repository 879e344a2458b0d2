#pragma once
// The replicated log of one node: the storage, continued by what is in memory.
//
// Entries climb: appended (in memory), issued (given out in a Write), durable (the Write was
// reported), committed, handed over, applied. Durable and committed do not wait for each other: a
// majority of others may commit what is not durable here yet, and that is not handed over before
// it is.
//
// A write is remembered by its number and by how far it makes the log durable. Cutting the log
// cuts that too: entry 5 of term 2 is given out in write 1, cut, written again as 5 of term 3 in
// write 2, cut, and written again as 5 of term 2 in write 3. When write 1 completes, what it
// wrote is no longer what the log says is at 5; only write 3 brings that back.
//
// Thread:     the node's.
// Lifetime:   `storage` outlives the log.
// Invariants: L1  applied <= handed over <= committed <= last.
//             L2  handed over <= durable <= issued <= last; while a snapshot is not durable,
//                 nothing is handed over.
//             L3  memory ends at last, and begins no later than the first entry not durable.
//             L4  terms in memory never go down.
//             L5  every write in flight covers no more than issued, none more than a later one.
// Failure:    a storage that does not answer gives Lookup::kUnknown, and the caller does nothing.
#include <deque>
#include <optional>
#include <span>

#include "raft/entry_ring.h"
#include "raft/ready.h"
#include "raft/storage.h"

namespace timber::raft {

// What is known of one place of the log.
enum class Lookup : uint8_t {
    kFound,
    kCompacted,  // before the entry that precedes the first
    kBeyond,     // after the last
    kUnknown,    // the storage gave an error
};

struct TermAt {
    Lookup lookup = Lookup::kUnknown;
    Term term{};

    bool is(Term other) const { return lookup == Lookup::kFound && term == other; }
};

// What became of entries that a leader sent.
enum class AppendOutcome : uint8_t {
    kAccepted,
    kMismatch,   // the entry before them is another one here, or missing
    kForbidden,  // they contradict what is committed here; no honest leader sends that
    kUnknown,    // the storage does not answer now
};

class Log {
  public:
    struct Limits {
        size_t cache_bytes_max;
        size_t page_bytes_max;
        size_t applying_bytes_max;
    };

    // What the storage holds is durable. `commit` and `applied` are within it, `last_term` is the
    // term of its last entry.
    Log(const Storage& storage, Limits limits, LogIndex commit, LogIndex applied, Term last_term);

    // --- Reading ---

    LogIndex first_index() const;
    LogIndex last_index() const { return last_; }
    TermAt term(LogIndex index) const;
    Term last_term() const { return last_term_; }
    LogIndex committed() const { return committed_; }
    LogIndex durable() const { return durable_; }
    LogIndex issued() const { return issued_; }
    LogIndex handed_over() const { return handed_over_; }
    LogIndex applied() const { return applied_; }
    bool snapshot_pending() const { return pending_snapshot_ != nullptr; }
    const SnapshotPointer& pending_snapshot() const { return pending_snapshot_; }
    LogIndex pending_snapshot_index() const;

    // Appends to `found` entries from `low` on, as many as the limits allow and at least one
    // unless `low` is beyond the last. False if they are compacted or the storage fails.
    bool read(LogIndex low, LogIndex high, size_t bytes_max, size_t entries_max,
              std::vector<Entry>& found) const;
    // The one being installed here, or else the storage's newest. Null while there is none.
    SnapshotPointer snapshot() const;
    // Whether a log ending with (index, term) is at least as up to date (section 5.4.1).
    bool up_to_date(LogIndex index, Term term) const;
    // The last place at or below `index` whose term is at most `term`: where logs may agree.
    // The term there comes along. Stops early where terms are not known.
    LogIndex last_with_term_at_most(LogIndex index, Term term, Term& found) const;
    // Whether a committed entry that is not applied changes the membership. Errs towards true.
    bool has_unapplied_change() const;

    // --- Writing ---

    // A leader's own: the entry must follow on the last.
    void append(Entry entry);
    // A follower's: entries after (previous, previous_term), consecutive and with rising terms.
    // Cuts the log only from the first entry that contradicts them.
    AppendOutcome append_after(LogIndex previous, Term previous_term,
                               std::span<const Entry> entries);
    // Never goes back; `index` is at most last.
    void commit_to(LogIndex index);
    // Replaces the log. Not below what is committed.
    void restore(SnapshotPointer snapshot);

    // --- Writes ---

    bool has_unissued() const;
    // Moves what no write holds yet into `write`, whose number is set: entries up to `bytes_max`,
    // but at least one.
    void issue(Write& write, size_t bytes_max);
    // All writes up to `number` are durable.
    void persisted(WriteNumber number);

    // --- Applying ---

    // Whether hand_over() would give something.
    bool can_hand_over() const;
    // The next page of entries that are committed and durable. None if the storage does not answer;
    // then it is not asked again before ask_storage_again(), so that nobody turns in a circle.
    std::vector<Entry> hand_over();
    void ask_storage_again() { page_unreadable_ = false; }
    void applied_to(LogIndex index);

    void check_invariants() const;

  private:
    struct WriteInFlight {
        WriteNumber number;
        LogIndex covers;  // durable up to here, once this write is
        LogIndex last;    // as given out; the planted mistake looks at it
        Term last_term;
    };
    struct Page {
        LogIndex last;
        size_t bytes;
    };

    LogIndex hand_over_limit() const;
    void truncate_from(LogIndex index);
    void trim_cache();

    const Storage& storage_;
    const Limits limits_;

    EntryRing tail_;
    LogIndex last_;
    Term last_term_;  // kept here: a vote must not depend on whether the storage answers
    SnapshotPointer pending_snapshot_;  // shared with the write and the message
    std::optional<WriteNumber> snapshot_write_;
    std::deque<WriteInFlight> writes_;
    LogIndex issued_;
    LogIndex durable_;

    LogIndex committed_;
    LogIndex handed_over_;
    LogIndex applied_;
    std::deque<Page> applying_;
    size_t applying_bytes_ = 0;
    bool page_unreadable_ = false;
};

}  // namespace timber::raft
