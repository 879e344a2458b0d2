#include "memtable/skip_list.h"

#include <bit>
#include <cstring>
#include <new>

#include "src/base/assert.h"

namespace timber::memtable {
namespace {

constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kRelease = std::memory_order_release;

// A node is on one level more with this chance: 1 in 2^kHeightShift.
constexpr unsigned kHeightShift = 2;

// A key over the limit orders among those within it as its beginning does, if that is one byte over
// the limit too; and offset codes need an end.
SearchKey limited(SearchKey key) {
    key.user_key = key.user_key.substr(0, kKeyBytesMax + 1);
    return key;
}
static_assert((kKeyBytesMax + 1) / kChunkBytes < kOffsetBase);

bool same_version(const SearchKey& left, const SearchKey& right) {
    return left.user_key == right.user_key && left.trailer >> 8 == right.trailer >> 8;
}

}  // namespace

SkipList::SkipList(Arena& arena, uint64_t seed)
    : arena_(arena), head_(new_node(kHeightMax, {}, 0, {})), random_(seed) {
    finger_.fill(head_);
}

SkipNode* SkipList::new_node(unsigned height, std::string_view user_key, uint64_t trailer,
                             std::string_view value) {
    const size_t links_above = (height - 1) * sizeof(Link);
    const size_t key_bytes = user_key.size() + kTrailerBytes;
    std::byte* piece = arena_.allocate(links_above + sizeof(SkipNode) + key_bytes + value.size());
    for (unsigned level = 1; level < height; ++level)
        new (piece + links_above - level * sizeof(Link)) Link;
    auto* node = new (piece + links_above) SkipNode(key_bytes, value.size());
    auto* to = reinterpret_cast<std::byte*>(node->bytes());
    copy_bytes(as_bytes(user_key), to);
    store(to + user_key.size(), trailer);
    copy_bytes(as_bytes(value), to + key_bytes);
    return node;
}

unsigned SkipList::draw_height() {
    // As many levels as the random number ends in groups of zero bits.
    const uint64_t stop = uint64_t{1} << (kHeightShift * (kHeightMax - 1));
    return 1 + static_cast<unsigned>(std::countr_zero(random_.next() | stop)) / kHeightShift;
}

// Calls on_level(level, node, code, next_code) where it leaves a level: the last node before the
// target there, the target's code relative to it, and its successor's relative to the target.
template <typename OnLevel>
inline SkipList::Place SkipList::search(const SearchKey& target, OnLevel on_level) const {
    Place place{head_, nullptr};
    OffsetCode bound_code = kCodeEnd;  // of the bound, relative to the target
    OffsetCode code = code_from_start(target.user_key);
    unsigned level = height_.load(kRelaxed) - 1;
    for (;;) {
        const Link& link = place.before->link(level);
        const OffsetCode next_code = link.code.load(kAcquire);
        if (next_code < code) {
            place.before = link.next.load(kAcquire);
            continue;
        }
        if (next_code == code) {
            SkipNode* next = link.next.load(kAcquire);
            if (next != place.bound) {
                const Comparison compared =
                    compare_from(chunk_index_of(code), target, next->search_key());
                if (compared.order > 0) {
                    place.before = next;
                    code = compared.code;
                    continue;
                }
                place.bound = next;
                bound_code = compared.code;
            }
        }
        on_level(level, place.before, code, next_code == code ? bound_code : next_code);
        if (level == 0) return place;
        --level;
    }
}

const SkipNode* SkipList::lower_bound(const SearchKey& sought) const {
    const SearchKey target = limited(sought);
    return behind(search(target, [](unsigned, SkipNode*, OffsetCode, OffsetCode) {}), target);
}

const SkipNode* SkipList::behind(const Place& place, const SearchKey& target) {
    for (const SkipNode* node = place.before->next();; node = node->next()) {
        if (node == nullptr || node == place.bound) return node;
        // What stopped the search is a code that may be older than this node. Say entries b and d
        // are there, we look for d, and c arrives: the code of d stopped us at b, whose next is c
        // by now. Taking c for the answer would hide d.
        if (compare_from(0, target, node->search_key()).order <= 0) return node;
    }
}

const SkipNode* SkipList::last() const {
    const SkipNode* node = head_;
    for (unsigned level = height_.load(kRelaxed); level-- > 0;)
        while (const SkipNode* next = node->link(level).next.load(kAcquire)) node = next;
    return node == head_ ? nullptr : node;
}

std::vector<std::string> SkipList::sample(std::string_view begin, std::string_view end,
                                          size_t keys_min, uint64_t* entries_each) const {
    std::vector<std::string> keys;
    const SkipNode* before = head_;
    for (unsigned level = height_.load(kRelaxed); level-- > 0;) {
        const auto next = [level](const SkipNode* node) {
            return node->link(level).next.load(kAcquire);
        };
        const SkipNode* node = next(before);
        while (node != nullptr && node->search_key().user_key < begin) node = next(before = node);
        keys.clear();
        for (; node != nullptr && before_end(node->search_key().user_key, end); node = next(node))
            keys.emplace_back(node->search_key().user_key);
        *entries_each = uint64_t{1} << (kHeightShift * level);
        if (keys.size() >= keys_min) break;
    }
    return keys;
}

void SkipList::insert(std::string_view user_key, uint64_t trailer, std::string_view value) {
    TIMBER_ASSERT_OP(user_key.size(), <=, kKeyBytesMax);
    TIMBER_ASSERT_OP(value.size(), <=, kValueBytesMax);
    const unsigned height = draw_height();
    if (height > height_.load(kRelaxed)) height_.store(height, kRelaxed);
    SkipNode* node = new_node(height, user_key, trailer, value);
    const SearchKey key{user_key, trailer};
    Splice splice;
    if (!splice_behind_finger(key, height, splice)) {
        search(key, [&](unsigned level, SkipNode* before, OffsetCode code, OffsetCode next_code) {
            splice.before[level] = finger_[level] = before;
            splice.code[level] = code;
            splice.next_code[level] = next_code;
        });
    }
    check_unique(key, splice);
    publish(node, height, splice);
    entries_.store(entries() + 1, kRelaxed);
}

// Whether the key goes right behind the last inserted one, as it does when keys come in order; the
// predecessors on all levels are then the finger's, and no search is needed.
bool SkipList::splice_behind_finger(const SearchKey& key, unsigned height, Splice& splice) const {
    SkipNode* last = finger_[0];
    if (last == head_) return false;
    const Comparison compared = compare_from(0, key, last->search_key());
    if (compared.order <= 0 || !splice_behind(last, 0, key, compared.code, splice)) return false;
    for (unsigned level = 1; level < height; ++level) {
        SkipNode* before = finger_[level];
        const OffsetCode code = before == splice.before[level - 1] ? splice.code[level - 1]
                                : before == head_                  ? code_from_start(key.user_key)
                                                  : compare_from(0, key, before->search_key()).code;
        const bool fits = splice_behind(before, level, key, code, splice);
        TIMBER_ASSERT(fits);
    }
    return true;
}

// Whether the key, with its code relative to `before`, lies before that node's successor.
bool SkipList::splice_behind(SkipNode* before, unsigned level, const SearchKey& key,
                             OffsetCode code, Splice& splice) const {
    const Link& link = before->link(level);
    OffsetCode next_code = link.code.load(kRelaxed);
    if (next_code < code) return false;
    if (next_code == code) {
        const Comparison compared =
            compare_from(chunk_index_of(code), key, link.next.load(kRelaxed)->search_key());
        if (compared.order > 0) return false;
        next_code = compared.code;
    }
    splice.before[level] = before;
    splice.code[level] = code;
    splice.next_code[level] = next_code;
    return true;
}

// Two entries with one sequence would hide each other by their kinds.
void SkipList::check_unique(const SearchKey& key, const Splice& splice) const {
    const SkipNode* before = splice.before[0];
    if (splice.code[0] == kCodeSame) TIMBER_ASSERT(!same_version(key, before->search_key()));
    if (splice.next_code[0] == kCodeSame)
        TIMBER_ASSERT(!same_version(key, before->next()->search_key()));
}

void SkipList::publish(SkipNode* node, unsigned height, const Splice& splice) {
    // From the bottom up, so that whoever finds it on a level finds it on those below (SL2).
    for (unsigned level = 0; level < height; ++level) {
        Link& link = node->link(level);
        Link& before = splice.before[level]->link(level);
        link.next.store(before.next.load(kRelaxed), kRelaxed);
        link.code.store(splice.next_code[level], kRelaxed);
        // In this order: with the code first, a reader could take an old node, which lies behind
        // its target, for one before it.
        before.next.store(node, kRelease);
        before.code.store(splice.code[level], kRelease);
        finger_[level] = node;
    }
}

void SkipList::check_invariants() const {
    uint64_t entries = 0;
    for (const SkipNode* node = first(); node != nullptr; node = node->next()) ++entries;
    TIMBER_ASSERT_OP(entries, ==, this->entries());
    for (unsigned level = 0; level < kHeightMax; ++level) check_level(level);
}

void SkipList::check_level(unsigned level) const {
    const SkipNode* below = head_;  // on the level below
    bool finger_seen = false;
    for (const SkipNode* node = head_; node != nullptr;) {
        finger_seen |= node == finger_[level];
        const Link& link = node->link(level);
        const SkipNode* next = link.next.load(kAcquire);
        OffsetCode code = kCodeEnd;
        if (next != nullptr && node == head_) code = code_from_start(next->search_key().user_key);
        if (next != nullptr && node != head_) {
            const Comparison compared = compare_from(0, node->search_key(), next->search_key());
            TIMBER_ASSERT(compared.order < 0);  // SL1
            TIMBER_ASSERT(!same_version(node->search_key(), next->search_key()));
            code = compared.code;
        }
        TIMBER_ASSERT_OP(link.code.load(kAcquire), ==, code);  // SL3
        while (level > 0 && below != next) {                   // SL2
            TIMBER_ASSERT(below != nullptr);
            below = below->link(level - 1).next.load(kAcquire);
        }
        node = next;
    }
    TIMBER_ASSERT(finger_seen);  // SL5
}

void SkipCursor::seek_for_prev(const SearchKey& sought) {
    const SearchKey target = limited(sought);
    node_ = find_path(target);
    if (node_ == nullptr || compare_from(0, target, node_->search_key()).order != 0) step_back();
}

void SkipCursor::next() {
    TIMBER_ASSERT(node_ != nullptr);
    move_to(node_->next());
    // The caller looks at this node while the one behind it is on its way.
    if (node_ != nullptr) __builtin_prefetch(node_->next());
}

void SkipCursor::prev() {
    TIMBER_ASSERT(node_ != nullptr);
    if (!path_known_) find_path(node_->search_key());
    step_back();
}

// The path to the target; gives the first node at or behind it.
const SkipNode* SkipCursor::find_path(const SearchKey& target) {
    path_.fill(list_->head_);
    const SkipList::Place place =
        list_->search(target, [this](unsigned level, SkipNode* before, OffsetCode, OffsetCode) {
            path_[level] = before;
        });
    path_known_ = true;
    return SkipList::behind(place, target);
}

// To the node that the path ends at. It is no longer before us then: on each level where the path
// led through it, the path is found anew, from the level above.
void SkipCursor::step_back() {
    const SkipNode* reached = path_[0];
    if (reached == list_->head_) return move_to(nullptr);
    node_ = reached;
    unsigned level = 1;
    while (level < SkipList::kHeightMax && path_[level] == reached) ++level;
    const SkipNode* before = level < SkipList::kHeightMax ? path_[level] : list_->head_;
    while (level-- > 0) {
        for (;;) {
            const SkipNode* next = before->link(level).next.load(kAcquire);
            if (next == reached) break;
            before = next;
        }
        path_[level] = before;
    }
}

}  // namespace timber::memtable
