#include "memtable/compaction_stream.h"

#include "memtable/key_prefix.h"
#include "src/base/assert.h"
#include "src/base/mistake.h"

namespace timber::memtable {

CompactionStream::CompactionStream(MergingIterator& merged, const DropRules& rules,
                                   OlderData* older)
    : merged_(merged),
      rules_(rules),
      older_(older),
      covers_(rules.covers()),
      has_covers_(!rules.covers().empty()) {}

void CompactionStream::begin() {
    merged_.seek_to_first();
    settle();
}

void CompactionStream::next() {
    TIMBER_ASSERT(state_ != State::kEnd);
    if (state_ == State::kEntry) merged_.next();
    settle();
}

void CompactionStream::settle() {
    while (merged_.valid()) {
        const std::string_view key = merged_.key();
        bytes_read_ += key.size() + merged_.value().size();
        ++entries_read_;
        if (keep(key)) [[likely]] {
            state_ = State::kEntry;
            return;
        }
        merged_.next();
        if (bytes_read_ >= pause_at_) {
            state_ = State::kPaused;
            return;
        }
    }
    state_ = State::kEnd;
}

inline bool CompactionStream::same_key(std::string_view user_key) const {
    return merged_.prefix() == last_prefix_ && last_known_ &&
           same_after_prefix(user_key, last_key_);
}

inline bool CompactionStream::covered(std::string_view user_key, Sequence sequence,
                                      Sequence stripe) {
    return has_covers_ && covers_.covering(user_key, stripe) > sequence;
}

bool CompactionStream::removable(std::string_view user_key, Sequence sequence) {
    if (older_ == nullptr || sequence > rules_.removable()) return false;
    return TIMBER_MISTAKE(store_remove_dropped_early) || !older_->may_hold(user_key);
}

inline bool CompactionStream::keep(std::string_view key) {
    const std::string_view user_key = user_key_of(key);
    const Sequence sequence = sequence_of(key);
    const Sequence stripe = rules_.stripe_of(sequence);
    if (same_key(user_key)) {
        // Somebody newer in the same stripe: whether that one was kept, was hidden itself or was a
        // remove that could go, this one is hidden by it.
        if (stripe == last_stripe_) return false;
    } else {
        last_key_.assign(user_key);
        last_prefix_ = merged_.prefix();
        last_known_ = true;
        last_kept_ = false;
    }
    last_stripe_ = stripe;
    if (covered(user_key, sequence, stripe)) return false;
    if (kind_of(key) == EntryKind::kRemove && removable(user_key, sequence)) return false;
    first_of_key_ = !last_kept_;
    last_kept_ = true;
    return true;
}

}  // namespace timber::memtable
