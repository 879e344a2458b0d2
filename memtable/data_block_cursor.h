#pragma once
// A position in a data block, for iterators: keys are put together in a buffer of its own, of which
// a step forward rewrites only what is not shared. The first step back decodes a whole restart
// interval into slots, so that the following ones cost little.
//
// Thread:     one at a time.
// Lifetime:   the block's bytes stay where they are while the cursor is in it. key() and value()
//             are good until the next move.
// Invariants: DC1  valid() means that key() and value() are those of entry at_.
// Failure:    a malformed block makes the cursor invalid and malformed() true.
#include <memory>
#include <string>
#include <vector>

#include "memtable/data_block.h"
#include "memtable/internal_key.h"

namespace timber::memtable {

class DataBlockCursor {
  public:
    // Enters a block, before its first entry.
    void enter(const DataBlock& block);

    bool valid() const { return valid_; }
    bool malformed() const { return malformed_; }
    // The internal key.
    std::string_view key() const { return key_; }
    std::string_view value() const { return value_; }

    void to_first();
    void to_last();
    // To the first entry at or behind the internal key `target`; invalid if there is none.
    void seek(std::string_view target);
    // Of a valid one. Behind the last, or before the first, it becomes invalid.
    void next();
    void prev();

  private:
    // An entry of the interval that slots_ hold.
    struct Slot {
        size_t key_at = 0;  // in slot_keys_
        size_t key_bytes = 0;
        std::string_view value;
        DataBlock::Place behind;
    };
    // What may be written behind a key: a copy in whole words, and the trailer.
    static constexpr size_t kKeySlackBytes = 32;
    static constexpr uint32_t kNoInterval = UINT32_MAX;

    void fail();
    bool go_to_restart(uint32_t restart);
    // Reads the entry at place_ into key_buffer_, key_bytes_ and entry_. False if it is malformed.
    bool read_entry();
    // Makes the entry that was read the position.
    void show();
    bool fill_slots(uint32_t interval);
    void show_slot(uint32_t at);
    void leave_slots();
    void grow_key(size_t bytes);

    DataBlock block_;
    DataBlock::Place place_;  // behind the entry at_
    DataBlock::Entry entry_;
    uint32_t at_ = 0;             // the position
    uint32_t until_restart_ = 0;  // entries from place_ to the next restart
    bool valid_ = false;
    bool malformed_ = false;
    bool in_slots_ = false;  // key_ points into slot_keys_, and key_buffer_ is not that of at_
    std::string_view key_;
    std::string_view value_;
    std::unique_ptr<char[]> key_buffer_;
    size_t key_capacity_ = 0;
    size_t key_bytes_ = 0;  // of the user key
    std::vector<Slot> slots_;
    std::string slot_keys_;
    uint32_t slots_interval_ = kNoInterval;
};

inline bool DataBlockCursor::read_entry() {
    value_ = {place_.value, 0};
    if (!block_.read(place_, entry_)) [[unlikely]]
        return false;
    if (until_restart_ == 0) {
        until_restart_ = block_.restart_interval();
        key_bytes_ = 0;
    }
    --until_restart_;
    const size_t bytes = size_t{entry_.shared_bytes} + entry_.unshared_bytes;
    if (entry_.shared_bytes > key_bytes_ || bytes > kKeyBytesMax) [[unlikely]]
        return false;
    if (bytes + kKeySlackBytes > key_capacity_) [[unlikely]]
        grow_key(bytes);
    char* to = key_buffer_.get() + entry_.shared_bytes;
    if (entry_.unshared_bytes <= 16) {
        // As two words, whatever the length: what follows in the block can be read, the slack
        // written.
        uint64_t words[2];
        std::memcpy(words, entry_.unshared, sizeof words);
        std::memcpy(to, words, sizeof words);
    } else {
        std::memcpy(to, entry_.unshared, entry_.unshared_bytes);
    }
    key_bytes_ = bytes;
    value_ = {value_.data(), entry_.value_bytes};
    return true;
}

inline void DataBlockCursor::show() {
    const uint64_t trailer = block_.trailer(at_);
    std::memcpy(key_buffer_.get() + key_bytes_, &trailer, sizeof trailer);
    key_ = {key_buffer_.get(), key_bytes_ + kTrailerBytes};
    valid_ = true;
}

inline void DataBlockCursor::next() {
    if (in_slots_) [[unlikely]]
        leave_slots();
    if (++at_ == block_.entries()) {
        valid_ = false;
    } else if (!read_entry()) [[unlikely]] {
        fail();
    } else {
        show();
    }
}

}  // namespace timber::memtable
