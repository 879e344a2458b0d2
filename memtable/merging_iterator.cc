#include "memtable/merging_iterator.h"

namespace timber::memtable {

void MergingIterator::add(std::unique_ptr<EntryIterator> child) {
    TIMBER_ASSERT(!valid_);
    children_.push_back({std::move(child)});
    heads_.resize(children_.size());
}

void MergingIterator::add(std::unique_ptr<LevelIterator> level) {
    LevelIterator* const as_level = level.get();
    add(std::unique_ptr<EntryIterator>(std::move(level)));
    children_.back().level = as_level;
}

Status MergingIterator::status() const {
    return failed_ == kNone ? Status() : children_[failed_].iterator->status();
}

void MergingIterator::begin_placing(bool forward) {
    forward_ = forward;
    valid_ = false;
    live_ = 0;
    failed_ = kNone;
}

void MergingIterator::fail(size_t index) {
    failed_ = index;
    valid_ = false;
}

bool MergingIterator::take(size_t index) {
    const Child& child = children_[index];
    EntryIterator* const leaf = child.level == nullptr ? child.iterator.get() : child.level->leaf();
    if (leaf == nullptr || !leaf->valid()) {
        if (child.iterator->status().ok()) return true;
        fail(index);
        return false;
    }
    heads_[live_++] = {internal_key_prefix(leaf->key()), leaf, index};
    return true;
}

template <bool kForward>
void MergingIterator::sift_down(size_t at) {
    const Head head = heads_[at];
    for (size_t below = 2 * at; below < live_; below = 2 * at) {
        if (below + 1 < live_ && before<kForward>(heads_[below + 1], heads_[below])) ++below;
        if (!before<kForward>(heads_[below], head)) break;
        heads_[at] = heads_[below];
        at = below;
    }
    heads_[at] = head;
}

template <bool kForward>
void MergingIterator::order_heads() {
    valid_ = live_ > 0;
    if (!valid_) return;
    for (size_t at = (live_ - 1) / 2; at >= 1; --at) sift_down<kForward>(at);
    if (live_ > 1 && before<kForward>(heads_[1], heads_[0])) {
        std::swap(heads_[0], heads_[1]);
        sift_down<kForward>(1);
    }
    show();
}

template <bool kForward>
void MergingIterator::leave_leaf() {
    Head& top = heads_.front();
    const Child& child = children_[top.index];
    if (child.level != nullptr) {
        top.leaf = kForward ? child.level->enter_next() : child.level->enter_prev();
        if (top.leaf != nullptr) return resume<kForward>();
    }
    if (!child.iterator->status().ok()) return fail(top.index);
    remove_current<kForward>();
}

// The heap's first follows the current child, and its last takes that one's place.
template <bool kForward>
void MergingIterator::remove_current() {
    --live_;
    valid_ = live_ > 0;
    if (!valid_) return;
    heads_[0] = heads_[1];
    if (live_ > 1) {
        heads_[1] = heads_[live_];
        sift_down<kForward>(1);
    }
    show();
}

void MergingIterator::leave_current() {
    TIMBER_ASSERT(valid_);
    forward_ ? remove_current<true>() : remove_current<false>();
}

// With (K, 2) current, child 1 may stand at its own K, which comes before, and child 3 at its own,
// which comes after. A child that comes before looks for K and what is before it; one that comes
// after must leave its own K out.
template <bool kForward>
void MergingIterator::turn() {
    const size_t current = heads_.front().index;
    forward_ = kForward;
    live_ = 1;
    for (size_t index = 0; index < children_.size(); ++index) {
        if (index == current) continue;
        EntryIterator& child = *children_[index].iterator;
        kForward ? child.seek(key_) : child.seek_for_prev(key_);
        const bool beyond = kForward ? index > current : index < current;
        if (!beyond && child.valid() && child.key() == key_) kForward ? child.next() : child.prev();
        if (!take(index)) return;
    }
    order_heads<kForward>();
    TIMBER_ASSERT_OP(heads_.front().index, ==, current);
}

void MergingIterator::seek_to_first() {
    place_forward([](Child& child, size_t) {
        child.iterator->seek_to_first();
        return true;
    });
}

void MergingIterator::seek_to_last() {
    place_backward([](Child& child, size_t) {
        child.iterator->seek_to_last();
        return true;
    });
}

void MergingIterator::seek(std::string_view target) {
    place_forward([target](Child& child, size_t) {
        child.iterator->seek(target);
        return true;
    });
}

void MergingIterator::seek_for_prev(std::string_view target) {
    place_backward([target](Child& child, size_t) {
        child.iterator->seek_for_prev(target);
        return true;
    });
}

void MergingIterator::prepare_seek(std::string_view target) {
    valid_ = false;
    for (const Child& child : children_) child.iterator->prepare_seek(target);
}

void MergingIterator::settle() {
    for (const Child& child : children_) child.iterator->settle();
}

void MergingIterator::next() {
    TIMBER_ASSERT(valid_);
    if (!forward_) [[unlikely]] {
        turn<true>();
        if (!valid_) return;
    }
    heads_.front().leaf->next();
    resume<true>();
}

void MergingIterator::prev() {
    TIMBER_ASSERT(valid_);
    if (forward_) [[unlikely]] {
        turn<false>();
        if (!valid_) return;
    }
    heads_.front().leaf->prev();
    resume<false>();
}

void MergingIterator::check_invariants() const {
    TIMBER_ASSERT_OP(live_, <=, children_.size());             // MI1
    TIMBER_ASSERT(valid_ == (live_ > 0 && failed_ == kNone));  // MI3
    if (!valid_) return;
    TIMBER_ASSERT(key_ == heads_[0].leaf->key());
    for (size_t at = 0; at < live_; ++at) {
        const Head& head = heads_[at];
        TIMBER_ASSERT(head.leaf->valid());
        TIMBER_ASSERT_OP(head.prefix, ==, internal_key_prefix(head.leaf->key()));
        const Head& above = heads_[at / 2];  // of the heap's first: the current child
        if (at > 0)
            TIMBER_ASSERT(forward_ ? before<true>(above, head) : before<false>(above, head));
    }
}

}  // namespace timber::memtable
