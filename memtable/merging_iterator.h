#pragma once
// The entries of several iterators as one order: memory tables, table files, whole levels; for
// reads and for compactions.
//
// The child that has the current entry stands apart from the others, which form a binary heap; as
// long as it goes on supplying the next entry, a step is its own step and one comparison, with the
// heap's first. Most comparisons are of the first 8 bytes of keys, kept beside the children.
//
// Of equal internal keys (an ingest leaves the same entry in a file and in a memory table) that of
// the child added first is the smaller: each is shown, in the same order from both ends.
//
// Thread:     one at a time.
// Lifetime:   owns its children.
// Invariants: MI1  heads_[0] is the current child's; [1, live_) is a heap below it, in the order of
//                  the direction. Children that have ended in this direction are beyond.
//             MI2  forward: each child is at its first entry behind the current one, the current
//                  child at it; backward: at its last before. A placement or a skip by the user
//                  may leave out entries of its choice.
//             MI3  valid_ exactly if there are live heads and no child failed.
// Failure:    a child that fails makes the merger fail, whatever the other children still have:
//             what comes next is unknown without it.
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "memtable/iterator.h"
#include "memtable/key_prefix.h"
#include "memtable/level_iterator.h"
#include "src/base/assert.h"

namespace timber::memtable {

class MergingIterator final : public EntryIterator {
  public:
    struct Child {
        std::unique_ptr<EntryIterator> iterator;
        LevelIterator* level = nullptr;  // the same, if it is one
    };

    MergingIterator() = default;
    // Before the first move.
    void add(std::unique_ptr<EntryIterator> child);
    void add(std::unique_ptr<LevelIterator> level);

    void seek_to_first() override;
    void seek_to_last() override;
    void seek(std::string_view target) override;
    void seek_for_prev(std::string_view target) override;
    void next() override;
    void prev() override;
    Status status() const override;
    void prepare_seek(std::string_view target) override;
    void settle() override;
    bool failed() const { return failed_ != kNone; }

    size_t children() const { return children_.size(); }
    // Of a valid one: the child whose entry it is, in the order of adding, and key_prefix() of
    // its user key.
    size_t current() const { return heads_.front().index; }
    const Child& current_child() const { return children_[current()]; }
    uint64_t prefix() const { return heads_.front().prefix; }

    // For a user who knows more of the children than the order of keys. place(Child&, index) seeks
    // a child forward (or backward) to where its entries begin to matter; false if it has none.
    template <typename Place>
    void place_forward(Place place);
    template <typename Place>
    void place_backward(Place place);
    // move(Child&) brings the current child on, in the direction of the last move or seek, by as
    // much as the user likes; over its end with leave_current().
    template <typename Move>
    void skip_forward(Move move);
    template <typename Move>
    void skip_backward(Move move);
    // The current child has nothing more that matters in this direction.
    void leave_current();

    // Asserts MI1 to MI3, as far as they can be seen from here.
    void check_invariants() const;

  private:
    struct Head {
        uint64_t prefix;
        EntryIterator* leaf;  // the child itself, or the leaf of a level
        size_t index;
    };

    template <bool kForward>
    static bool before(const Head& left, const Head& right);
    template <bool kForward>
    static bool before_same_prefix(const Head& left, const Head& right);
    template <bool kForward>
    void sift_down(size_t at);
    // The heads are all there, in any order: makes the heap and shows the first.
    template <bool kForward>
    void order_heads();
    // The current child has moved: puts it where it belongs and shows the first.
    template <bool kForward>
    void resume();
    // The current child's leaf has ended: on to a level's next file, or out with it.
    template <bool kForward>
    void leave_leaf();
    template <bool kForward>
    void remove_current();
    // Places the other children behind (or before) the current entry, after a change of direction.
    template <bool kForward>
    void turn();

    void begin_placing(bool forward);
    // Takes the child in as a head, if it has something; false if it failed.
    bool take(size_t index);
    void fail(size_t index);
    void show();

    std::vector<Child> children_;
    std::vector<Head> heads_;  // as many as children, the first live_ in use
    size_t live_ = 0;
    size_t failed_ = kNone;  // the child that did
    bool forward_ = true;

    static constexpr size_t kNone = SIZE_MAX;
};

template <bool kForward>
bool MergingIterator::before_same_prefix(const Head& left, const Head& right) {
    // Where one key is shorter, its end is found again.
    const int order = compare_internal(left.leaf->key(), right.leaf->key());
    if (order != 0) return kForward ? order < 0 : order > 0;
    return kForward ? left.index < right.index : left.index > right.index;
}

template <bool kForward>
inline bool MergingIterator::before(const Head& left, const Head& right) {
    if (left.prefix != right.prefix) [[likely]]
        return kForward ? left.prefix < right.prefix : left.prefix > right.prefix;
    return before_same_prefix<kForward>(left, right);
}

inline void MergingIterator::show() {
    const EntryIterator& leaf = *heads_.front().leaf;
    key_ = leaf.key();
    value_ = leaf.value();
}

template <bool kForward>
inline void MergingIterator::resume() {
    Head& top = heads_.front();
    if (!top.leaf->valid()) [[unlikely]]
        return leave_leaf<kForward>();
    top.prefix = internal_key_prefix(top.leaf->key());
    if (live_ > 1 && before<kForward>(heads_[1], top)) {
        std::swap(heads_[0], heads_[1]);
        sift_down<kForward>(1);
    }
    show();
}

template <typename Place>
void MergingIterator::place_forward(Place place) {
    begin_placing(true);
    for (size_t index = 0; index < children_.size(); ++index) {
        if (place(children_[index], index) && !take(index)) return;
    }
    order_heads<true>();
}

template <typename Place>
void MergingIterator::place_backward(Place place) {
    begin_placing(false);
    for (size_t index = 0; index < children_.size(); ++index) {
        if (place(children_[index], index) && !take(index)) return;
    }
    order_heads<false>();
}

template <typename Move>
void MergingIterator::skip_forward(Move move) {
    TIMBER_ASSERT(valid_ && forward_);
    Head& top = heads_.front();
    Child& child = children_[top.index];
    move(child);
    // A level may be in another file now, or, past its last, in none.
    if (child.level != nullptr) top.leaf = child.level->leaf();
    top.leaf == nullptr ? remove_current<true>() : resume<true>();
}

template <typename Move>
void MergingIterator::skip_backward(Move move) {
    TIMBER_ASSERT(valid_ && !forward_);
    Head& top = heads_.front();
    Child& child = children_[top.index];
    move(child);
    if (child.level != nullptr) top.leaf = child.level->leaf();
    top.leaf == nullptr ? remove_current<false>() : resume<false>();
}

}  // namespace timber::memtable
