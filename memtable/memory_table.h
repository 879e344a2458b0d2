#pragma once
// Entries of all families in memory: one arena, one skip list for each family, and range removes.
//
// The writer adds; readers look on without locks, at whatever sequence they may see. Once sealed it
// never changes, and a flush writes it out.
//
// Thread:     add*() and seal() from one thread at a time; everything else from any thread, also
//             meanwhile. A reader sees what was added before the sequence it reads at was
//             published to it (with release and acquire; Store does that).
// Lifetime:   iterators and views point into it; whoever uses them keeps it alive. Its owners are
//             the views of the store that still show it (hence shared).
// Invariants: MT1  an entry, once added, neither moves nor changes.
//             MT2  (user key, sequence) is unique within a family.
//             MT3  a sealed one takes nothing more.
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "memtable/iterator.h"
#include "memtable/range_removes.h"
#include "memtable/types.h"

namespace timber::memtable {

class MemoryTable {
  public:
    // `seed` is for the heights of the skip lists.
    explicit MemoryTable(uint64_t seed);
    ~MemoryTable();

    // The key and value are within the limits.
    void add(Family family, Sequence sequence, EntryKind kind, std::string_view key,
             std::string_view value);
    void add_range_remove(Family family, Sequence sequence, std::string_view begin,
                          std::string_view end);
    void seal();

    // The newest version of the key at or below `visible`, whatever range removes say.
    struct Found {
        Sequence sequence;
        EntryKind kind;
        std::string_view value;
    };
    std::optional<Found> find(Family family, std::string_view key, Sequence visible) const;

    std::unique_ptr<EntryIterator> new_iterator(Family family) const;

    // The range removes that were added so far; one that was added later than the caller's
    // visible sequence may be among them. Cheap if there are none.
    bool has_range_removes(Family family) const;
    std::shared_ptr<const RangeRemoveSet> range_removes(Family family) const;
    // What their set would answer, without one where there are few: for point reads.
    Sequence covering(Family family, std::string_view key, Sequence visible) const;

    // Keys of [begin, end), in order, drawn evenly by chance; each stands for about `bytes_each` of
    // the table. About `keys_min` to a few times as many, all if there are fewer. For estimates.
    struct Sample {
        std::vector<std::string> keys;
        uint64_t bytes_each = 0;
    };
    Sample sample(Family family, std::string_view begin, std::string_view end,
                  size_t keys_min) const;

    bool sealed() const;
    bool empty() const;
    // Of all families, range removes included.
    uint64_t entries() const;
    uint64_t entries(Family family) const;
    // All memory that it holds.
    size_t memory_bytes() const;
    // The smallest and greatest that were added; 0 if none was.
    Sequence sequence_min() const;
    Sequence sequence_max() const;
    void check_invariants() const;

  private:
    struct Contents;
    std::unique_ptr<Contents> contents_;
};

}  // namespace timber::memtable
