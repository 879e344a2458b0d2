#pragma once
// The entries of a merge that have to be written: what drop_rules.h leaves of them.
//
// Thread:     one job.
// Lifetime:   merged entries, rules and older data outlive it.
// Invariants: CS1  entries come in the order of internal keys, each as it was read.
//             CS2  after state() kPaused, next() goes on where it stopped.
// Cost:       per entry a comparison of a word with the key before, and a copy of the user key.
#include <cstdint>
#include <string>
#include <string_view>

#include "memtable/drop_rules.h"
#include "memtable/merging_iterator.h"
#include "memtable/older_data.h"

namespace timber::memtable {

class CompactionStream {
  public:
    enum class State : uint8_t {
        kEntry,   // key() and value() are the next to be written
        kPaused,  // nothing to be written among what was read since the last one
        kEnd,     // of the merge, or it failed: its status tells
    };

    // `older`: what lies below; null: anything may.
    CompactionStream(MergingIterator& merged, const DropRules& rules, OlderData* older);

    // Once, before anything else.
    void begin();
    void next();

    State state() const { return state_; }
    std::string_view key() const { return merged_.key(); }
    std::string_view value() const { return merged_.value(); }
    // Whether no entry of the same user key came before.
    bool first_of_key() const { return first_of_key_; }

    // Pauses once so much was read, if there is nothing to be written.
    void pause_at(uint64_t bytes_read) { pause_at_ = bytes_read; }
    // Of keys and values.
    uint64_t bytes_read() const { return bytes_read_; }
    uint64_t entries_read() const { return entries_read_; }

  private:
    void settle();
    bool keep(std::string_view key);
    bool same_key(std::string_view user_key) const;
    bool covered(std::string_view user_key, Sequence sequence, Sequence stripe);
    bool removable(std::string_view user_key, Sequence sequence);

    MergingIterator& merged_;
    const DropRules& rules_;
    OlderData* older_;
    RangeRemoveCursor covers_;
    const bool has_covers_;
    State state_ = State::kPaused;
    bool first_of_key_ = true;
    // The user key read last: whether one of its versions is kept, and the stripe it came to.
    std::string last_key_;
    uint64_t last_prefix_ = 0;
    bool last_known_ = false;
    bool last_kept_ = false;
    Sequence last_stripe_;
    uint64_t pause_at_ = 0;
    uint64_t bytes_read_ = 0;
    uint64_t entries_read_ = 0;
};

}  // namespace timber::memtable
