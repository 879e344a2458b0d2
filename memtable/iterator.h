#pragma once
// Moves over entries in the order of their internal keys (internal_key.h): of a memory table, a
// table file, a level, or several of these merged.
//
// Reading the position is no virtual call: an implementation keeps `valid_`, `key_` and `value_`
// up to date before a move returns. key() and value() stay good until the next move.
//
// Thread:   one at a time. Moves may wait for I/O: from jobs, unless what is read is in memory.
// Lifetime: what is iterated over outlives the iterator, which holds on to what it points at.
// Failure:  an iterator that failed is not valid, and stays so; status() says why. At either end
//           it is not valid and status() is fine. After seek_*, it may be moved again.
#include <memory>
#include <string_view>

#include "memtable/internal_key.h"
#include "src/base/result.h"

namespace timber::memtable {

class EntryIterator {
  public:
    virtual ~EntryIterator() = default;

    bool valid() const { return valid_; }
    // Of a valid one: the internal key, and the value (empty for a remove).
    std::string_view key() const { return key_; }
    std::string_view value() const { return value_; }

    virtual void seek_to_first() = 0;
    virtual void seek_to_last() = 0;
    // To the first entry at or behind the internal key `target`.
    virtual void seek(std::string_view target) = 0;
    // To the last entry at or before it.
    virtual void seek_for_prev(std::string_view target) = 0;
    // Of a valid one. Past the last, or before the first, it becomes invalid.
    virtual void next() = 0;
    virtual void prev() = 0;

    virtual Status status() const = 0;

    // A hint that seek(target) comes next: what it will have to read is asked for now, without
    // waiting, so that several iterators read side by side. The position is lost. From a job.
    virtual void prepare_seek(std::string_view target) { static_cast<void>(target); }
    // Waits for the I/O that is in flight, so that the next call may come from another thread.
    // The position stays.
    virtual void settle() {}

  protected:
    std::string_view key_;
    std::string_view value_;
    bool valid_ = false;
};

}  // namespace timber::memtable
