#include "memtable/range_remove_list.h"

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

#include "src/base/assert.h"
#include "src/base/bytes.h"

namespace timber::memtable {
namespace {

// So few are looked at faster than a set is taken hold of.
constexpr uint64_t kScanMax = 16;

// How many may have been added since a set of `count` was built: to build one costs about in
// proportion to `count`, and so does each read to this, so both weigh the same at a multiple of the
// square root. Here to a power of two.
uint64_t added_max(uint64_t count) {
    return std::max(kScanMax, uint64_t{8} << (std::bit_width(count) / 2));
}

}  // namespace

void RangeRemoveList::add(Sequence sequence, std::string_view begin, std::string_view end) {
    const Node* older = newest_.load(std::memory_order_relaxed);
    std::byte* piece = arena_.allocate(sizeof(Node) + begin.size() + end.size());
    auto* text = reinterpret_cast<char*>(piece + sizeof(Node));
    copy_bytes(as_bytes(begin), piece + sizeof(Node));
    copy_bytes(as_bytes(end), piece + sizeof(Node) + begin.size());
    const Node* node = new (piece) Node{older,
                                        older == nullptr ? 1 : older->count + 1,
                                        sequence,
                                        {text, begin.size()},
                                        {text + begin.size(), end.size()}};
    newest_.store(node, std::memory_order_release);
}

uint64_t RangeRemoveList::entries() const {
    const Node* newest = newest_.load(std::memory_order_acquire);
    return newest == nullptr ? 0 : newest->count;
}

Sequence RangeRemoveList::covering_in(const Node* newest, std::string_view key,
                                      Sequence visible) const {
    Built built;
    if (newest->count > kScanMax) {
        built = kept(0);
        if (newest->count > built.count + added_max(built.count)) built = build(newest);
    }
    Sequence covering = built.set == nullptr ? Sequence() : built.set->covering(key, visible);
    // A set that another reader kept may be ahead of our list.
    for (const Node* node = newest; node != nullptr && node->count > built.count;
         node = node->older) {
        if (node->sequence > covering && node->sequence <= visible && node->begin <= key &&
            before_end(key, node->end))
            covering = node->sequence;
    }
    return covering;
}

std::shared_ptr<const RangeRemoveSet> RangeRemoveList::set() const {
    const Node* newest = newest_.load(std::memory_order_acquire);
    if (newest == nullptr) {
        // Owners are whoever asked; there is nothing to keep.
        static const auto none = std::make_shared<const RangeRemoveSet>();
        return none;
    }
    Built built = kept(newest->count);
    if (built.set == nullptr) built = build(newest);
    return built.set;
}

// The kept set, if it holds at least so many.
RangeRemoveList::Built RangeRemoveList::kept(uint64_t count_min) const {
    MutexLock lock(mutex_);
    return built_.count >= count_min ? built_ : Built{};
}

RangeRemoveList::Built RangeRemoveList::build(const Node* newest) const {
    std::vector<RangeRemove> removes;
    removes.reserve(newest->count);
    for (const Node* node = newest; node != nullptr; node = node->older)
        removes.push_back({std::string(node->begin), std::string(node->end), node->sequence});
    Built built{std::make_shared<const RangeRemoveSet>(std::move(removes)), newest->count};

    MutexLock lock(mutex_);
    // Others may have built one meanwhile, and a newer one.
    if (built_.count < built.count) {
        built_ = built;
        built_bytes_.store(built.set->memory_bytes(), std::memory_order_relaxed);
    }
    return built;
}

void RangeRemoveList::check_invariants() const {
    const Node* newest = newest_.load(std::memory_order_acquire);
    uint64_t count = newest == nullptr ? 0 : newest->count;
    const Built built = kept(0);
    std::vector<RangeRemove> removes;
    for (const Node* node = newest; node != nullptr; node = node->older) {
        TIMBER_ASSERT_OP(node->count, ==, count);  // RL1
        if (count-- <= built.count)
            removes.push_back({std::string(node->begin), std::string(node->end), node->sequence});
    }
    TIMBER_ASSERT_OP(count, ==, 0u);
    if (built.set == nullptr) return;
    built.set->check_invariants();
    TIMBER_ASSERT(RangeRemoveSet(std::move(removes)).to_removes() == built.set->to_removes());
}

}  // namespace timber::memtable
