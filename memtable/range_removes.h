#pragma once
// Range removes: [begin, end) at a sequence hides every older entry inside it.
//
// RangeRemoveSet is an immutable set of them, cut into fragments that do not overlap, each with the
// sequences that cover it, newest first. So the question "which sequence covers this key for a
// reader at that sequence" is one binary search, and an iterator that walks along asks in constant
// time through a cursor.
//
// Thread:     immutable, any thread; a cursor belongs to one.
// Lifetime:   a cursor does not outlive its set.
// Invariants: RR1  fragments are not empty, are sorted, and do not overlap.
//             RR2  each is covered by a sequence at least; newest first, each once.
//             RR3  fragments that touch are covered differently.
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memtable/types.h"

namespace timber::memtable {

struct RangeRemove {
    std::string begin;
    std::string end;  // exclusive; empty: no upper limit
    Sequence sequence;

    friend bool operator==(const RangeRemove&, const RangeRemove&) = default;
};

class RangeRemoveSet {
  public:
    struct Fragment {
        std::string begin;
        std::string end;                  // exclusive; empty: no upper limit
        std::vector<Sequence> sequences;  // newest first, at least one
    };

    RangeRemoveSet() = default;
    // From removes in any order, overlapping as they like; empty ranges are left out.
    explicit RangeRemoveSet(std::vector<RangeRemove> removes);
    // From the fragments of a set, which may come from a file: nothing if they break RR1 or RR2.
    // Those that RR3 wants to be one become one.
    static std::optional<RangeRemoveSet> from_fragments(std::vector<Fragment> fragments);

    bool empty() const { return fragments_.empty(); }
    // Sorted by begin; neighbours may touch.
    std::span<const Fragment> fragments() const { return fragments_; }
    // Of all sequences in it; 0 if it is empty.
    Sequence newest() const { return newest_; }

    // The newest sequence, at most `visible`, that covers `key`; 0 if none does.
    Sequence covering(std::string_view key, Sequence visible) const;

    // The fragments again as separate removes, in their order, newest first in each.
    std::vector<RangeRemove> to_removes() const;

    size_t memory_bytes() const;
    void check_invariants() const;

  private:
    std::vector<Fragment> fragments_;
    Sequence newest_;
};

// Answers covering() for keys that come in order, in either direction: remembers the fragment it is
// in or before. A step is constant time on average, a leap to a far key a binary search.
class RangeRemoveCursor {
  public:
    explicit RangeRemoveCursor(const RangeRemoveSet& set) : set_(&set) {}

    Sequence covering(std::string_view key, Sequence visible);
    // The end of the fragment that covered the key asked for last, for skipping what it hides;
    // only if the last covering() was not 0.
    std::string_view covered_until() const;
    std::string_view covered_from() const;

  private:
    void move_to(std::string_view key);

    const RangeRemoveSet* set_;
    size_t at_ = 0;         // the first fragment whose end lies behind the last key
    bool covered_ = false;  // the last answer was not 0
};

}  // namespace timber::memtable
