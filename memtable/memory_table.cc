#include "memtable/memory_table.h"

#include <algorithm>

#include "memtable/arena.h"
#include "memtable/range_remove_list.h"
#include "memtable/skip_list.h"
#include "src/base/assert.h"

namespace timber::memtable {
namespace {

SearchKey search_key_of(std::string_view internal_key) {
    TIMBER_ASSERT_OP(internal_key.size(), >=, kTrailerBytes);
    return {user_key_of(internal_key), trailer_of(internal_key)};
}

class MemoryTableIterator final : public EntryIterator {
  public:
    explicit MemoryTableIterator(const SkipList& list) : cursor_(list) {}

    void seek_to_first() override {
        cursor_.seek_to_first();
        show();
    }
    void seek_to_last() override {
        cursor_.seek_to_last();
        show();
    }
    void seek(std::string_view target) override {
        cursor_.seek(search_key_of(target));
        show();
    }
    void seek_for_prev(std::string_view target) override {
        cursor_.seek_for_prev(search_key_of(target));
        show();
    }
    void next() override {
        cursor_.next();
        show();
    }
    void prev() override {
        cursor_.prev();
        show();
    }
    Status status() const override { return {}; }

  private:
    void show() {
        const SkipNode* node = cursor_.node();
        valid_ = node != nullptr;
        if (!valid_) return;
        key_ = node->key();
        value_ = node->value();
    }

    SkipCursor cursor_;
};

}  // namespace

struct MemoryTable::Contents {
    // What one family has, in lists that share the arena.
    struct Rows {
        Rows(Arena& arena, uint64_t seed) : entries(arena, seed), range_removes(arena) {}
        SkipList entries;
        RangeRemoveList range_removes;
    };

    explicit Contents(Random random)
        : rows{Rows{arena, random.next()}, Rows{arena, random.next()}, Rows{arena, random.next()},
               Rows{arena, random.next()}} {}

    // Of the writer, before anything is added.
    void take(Sequence sequence) {
        TIMBER_ASSERT(!sealed.load(std::memory_order_relaxed));  // MT3
        TIMBER_ASSERT_OP(sequence, <=, kSequenceMax);
        const Sequence smallest = sequence_min.load(std::memory_order_relaxed);
        if (smallest == Sequence() || sequence < smallest)
            sequence_min.store(sequence, std::memory_order_relaxed);
        if (sequence > sequence_max.load(std::memory_order_relaxed))
            sequence_max.store(sequence, std::memory_order_relaxed);
    }

    Arena arena;
    std::array<Rows, kFamilies> rows;
    std::atomic<Sequence> sequence_min{Sequence()};
    std::atomic<Sequence> sequence_max{Sequence()};
    std::atomic<bool> sealed{false};
};

MemoryTable::MemoryTable(uint64_t seed) : contents_(std::make_unique<Contents>(Random(seed))) {}

MemoryTable::~MemoryTable() = default;

void MemoryTable::add(Family family, Sequence sequence, EntryKind kind, std::string_view key,
                      std::string_view value) {
    TIMBER_ASSERT(kind == EntryKind::kPut || value.empty());
    contents_->take(sequence);
    contents_->rows[index_of(family)].entries.insert(key, pack_trailer(sequence, kind), value);
}

void MemoryTable::add_range_remove(Family family, Sequence sequence, std::string_view begin,
                                   std::string_view end) {
    TIMBER_ASSERT_OP(begin.size(), <=, kKeyBytesMax);
    TIMBER_ASSERT_OP(end.size(), <=, kKeyBytesMax);
    contents_->take(sequence);
    if (before_end(begin, end))
        contents_->rows[index_of(family)].range_removes.add(sequence, begin, end);
}

void MemoryTable::seal() { contents_->sealed.store(true, std::memory_order_release); }

std::optional<MemoryTable::Found> MemoryTable::find(Family family, std::string_view key,
                                                    Sequence visible) const {
    const SkipList& list = contents_->rows[index_of(family)].entries;
    const SkipNode* node =
        list.lower_bound({key, pack_trailer(std::min(visible, kSequenceMax), kKindForSeek)});
    if (node == nullptr || user_key_of(node->key()) != key) return std::nullopt;
    return Found{sequence_of(node->key()), kind_of(node->key()), node->value()};
}

MemoryTable::Sample MemoryTable::sample(Family family, std::string_view begin, std::string_view end,
                                        size_t keys_min) const {
    Sample sample;
    const uint64_t all = std::max<uint64_t>(entries(), 1);
    const SkipList& list = contents_->rows[index_of(family)].entries;
    sample.keys = list.sample(begin, end, keys_min, &sample.bytes_each);
    sample.bytes_each *= memory_bytes() / all;
    return sample;
}

std::unique_ptr<EntryIterator> MemoryTable::new_iterator(Family family) const {
    return std::make_unique<MemoryTableIterator>(contents_->rows[index_of(family)].entries);
}

bool MemoryTable::has_range_removes(Family family) const {
    return !contents_->rows[index_of(family)].range_removes.empty();
}

Sequence MemoryTable::covering(Family family, std::string_view key, Sequence visible) const {
    return contents_->rows[index_of(family)].range_removes.covering(key, visible);
}

std::shared_ptr<const RangeRemoveSet> MemoryTable::range_removes(Family family) const {
    return contents_->rows[index_of(family)].range_removes.set();
}

bool MemoryTable::sealed() const { return contents_->sealed.load(std::memory_order_acquire); }

bool MemoryTable::empty() const { return entries() == 0; }

uint64_t MemoryTable::entries() const {
    uint64_t entries = 0;
    for (Family family : kAllFamilies) entries += this->entries(family);
    return entries;
}

uint64_t MemoryTable::entries(Family family) const {
    const Contents::Rows& rows = contents_->rows[index_of(family)];
    return rows.entries.entries() + rows.range_removes.entries();
}

size_t MemoryTable::memory_bytes() const {
    size_t bytes = sizeof(Contents) + contents_->arena.bytes();
    for (const Contents::Rows& rows : contents_->rows) bytes += rows.range_removes.memory_bytes();
    return bytes;
}

Sequence MemoryTable::sequence_min() const {
    return contents_->sequence_min.load(std::memory_order_relaxed);
}

Sequence MemoryTable::sequence_max() const {
    return contents_->sequence_max.load(std::memory_order_relaxed);
}

void MemoryTable::check_invariants() const {
    for (const Contents::Rows& rows : contents_->rows) {
        rows.entries.check_invariants();  // MT2 by SL1
        rows.range_removes.check_invariants();
        for (const SkipNode* node = rows.entries.first(); node != nullptr; node = node->next()) {
            TIMBER_ASSERT_OP(sequence_of(node->key()), >=, sequence_min());
            TIMBER_ASSERT_OP(sequence_of(node->key()), <=, sequence_max());
        }
    }
    TIMBER_ASSERT(empty() || sequence_max() >= sequence_min());
}

}  // namespace timber::memtable
