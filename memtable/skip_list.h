#pragma once
// A sorted list of entries in an arena: one writer, readers without locks.
//
// A node is one piece of memory: its links, then lengths, internal key and value. A link holds the
// next node and that one's offset code relative to this node (offset_code.h), so that a search
// decides nearly every step from the node it stands on, without touching the memory of the next:
// what it costs is one miss for each node that it really steps onto.
//
//   link h-1 | ... | link 1 | link 0 | key bytes 4 | value bytes 4 | internal key | value
//                           ^ a Node* points here
//
// Links change while readers look: the writer stores the node, then its code; a reader loads the
// code, then the node. So a reader may see an old code with a newer node, never the reverse. A
// newer node lies before the one that it displaced, hence its code is at most the old one: "step"
// decided by an old code is right for the newer node too, "stay" is what was right a moment ago,
// and equality is settled by the key of the node that was loaded. Only the answer itself, the node
// behind the last step, is compared once more, because it may be newer than the code that stopped
// the search.
//
// Thread:     insert() and check_invariants() from one thread at a time; all else from any.
// Lifetime:   the arena outlives the list; nodes live as long as the arena.
// Invariants: SL1  each level is sorted by internal key; no (user key, sequence) is there twice.
//             SL2  a node of a level is in all levels below it.
//             SL3  a link's code is that of its next node relative to its own, kCodeEnd at the end.
//             SL4  what is published never changes, but for links.
//             SL5  the finger is the last inserted node and its predecessors of each level.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "memtable/arena.h"
#include "memtable/internal_key.h"
#include "memtable/offset_code.h"
#include "src/base/random.h"

namespace timber::memtable {

class SkipNode {
  public:
    // The internal key.
    std::string_view key() const { return {bytes(), key_bytes_}; }
    std::string_view value() const { return {bytes() + key_bytes_, value_bytes_}; }
    SearchKey search_key() const { return {user_key_of(key()), trailer_of(key())}; }
    // Null at the end.
    const SkipNode* next() const { return link(0).next.load(std::memory_order_acquire); }

  private:
    friend class SkipList;
    friend class SkipCursor;

    struct Link {
        std::atomic<OffsetCode> code{kCodeEnd};
        std::atomic<SkipNode*> next{nullptr};
    };

    SkipNode(size_t key_bytes, size_t value_bytes)
        : key_bytes_(static_cast<uint32_t>(key_bytes)),
          value_bytes_(static_cast<uint32_t>(value_bytes)) {}

    // `level` is below the node's height, which nobody needs to remember: a search that steps onto
    // it does so through a link of that level.
    const Link& link(unsigned level) const {
        return *(reinterpret_cast<const Link*>(reinterpret_cast<const char*>(this)) - level);
    }
    Link& link(unsigned level) {
        return *(reinterpret_cast<Link*>(reinterpret_cast<char*>(this)) - level);
    }
    const char* bytes() const { return reinterpret_cast<const char*>(this) + sizeof(SkipNode); }
    char* bytes() { return reinterpret_cast<char*>(this) + sizeof(SkipNode); }

    Link bottom_;
    uint32_t key_bytes_;
    uint32_t value_bytes_;
};

class SkipList {
  public:
    static constexpr unsigned kHeightMax = 16;

    // `seed` is for the heights of nodes.
    SkipList(Arena& arena, uint64_t seed);
    SkipList(const SkipList&) = delete;
    SkipList& operator=(const SkipList&) = delete;

    // An entry that is not there yet; `trailer` is pack_trailer().
    void insert(std::string_view user_key, uint64_t trailer, std::string_view value);

    // Null if there is none.
    const SkipNode* first() const { return head_->next(); }
    const SkipNode* last() const;
    // The first at or behind `target`.
    const SkipNode* lower_bound(const SearchKey& target) const;

    // User keys of [begin, end), in order: of those on the highest level that has `keys_min` of
    // them there, otherwise all. Each stands for `*entries_each` entries, about.
    std::vector<std::string> sample(std::string_view begin, std::string_view end, size_t keys_min,
                                    uint64_t* entries_each) const;

    uint64_t entries() const { return entries_.load(std::memory_order_relaxed); }
    void check_invariants() const;

  private:
    friend class SkipCursor;
    using Link = SkipNode::Link;

    // Where a new node goes: before each level's predecessor, the new node's code relative to it,
    // and its successor's relative to the new node.
    struct Splice {
        std::array<SkipNode*, kHeightMax> before;
        std::array<OffsetCode, kHeightMax> code;
        std::array<OffsetCode, kHeightMax> next_code;
    };
    // Where a search ended: the last node before the target, and the first one at or behind it that
    // was compared with it, if any was.
    struct Place {
        SkipNode* before;
        const SkipNode* bound;
    };

    SkipNode* new_node(unsigned height, std::string_view user_key, uint64_t trailer,
                       std::string_view value);
    unsigned draw_height();
    template <typename OnLevel>
    Place search(const SearchKey& target, OnLevel on_level) const;
    static const SkipNode* behind(const Place& place, const SearchKey& target);
    bool splice_behind_finger(const SearchKey& key, unsigned height, Splice& splice) const;
    bool splice_behind(SkipNode* before, unsigned level, const SearchKey& key, OffsetCode code,
                       Splice& splice) const;
    void check_unique(const SearchKey& key, const Splice& splice) const;
    void publish(SkipNode* node, unsigned height, const Splice& splice);
    void check_level(unsigned level) const;

    Arena& arena_;
    SkipNode* const head_;  // before every key; of full height
    // Of the highest node so far. Readers may see it late or early: then they walk further on lower
    // levels, or find the head's links empty.
    std::atomic<unsigned> height_{1};
    std::atomic<uint64_t> entries_{0};
    // The writer's.
    Random random_;
    std::array<SkipNode*, kHeightMax> finger_;
};

// A place in a list that moves both ways. A node that is inserted while a cursor moves backwards
// may be passed over.
//
// Thread:   one at a time.
// Lifetime: the list outlives it.
class SkipCursor {
  public:
    explicit SkipCursor(const SkipList& list) : list_(&list) {}

    // Null before the first move, and past either end.
    const SkipNode* node() const { return node_; }

    void seek_to_first() { move_to(list_->first()); }
    void seek_to_last() { move_to(list_->last()); }
    // To the first at or behind `target`; to the last at or before it.
    void seek(const SearchKey& target) { move_to(list_->lower_bound(target)); }
    void seek_for_prev(const SearchKey& target);
    // Of a valid one.
    void next();
    void prev();

  private:
    void move_to(const SkipNode* node) {
        node_ = node;
        path_known_ = false;
    }
    const SkipNode* find_path(const SearchKey& target);
    void step_back();

    const SkipList* list_;
    const SkipNode* node_ = nullptr;
    // Moving backwards: on each level a node before node_, nearer on lower levels. Known once
    // prev() was called, until the next other move; so a step back is a few steps forward from the
    // path instead of a search.
    bool path_known_ = false;
    std::array<const SkipNode*, SkipList::kHeightMax> path_;
};

}  // namespace timber::memtable
