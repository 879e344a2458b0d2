// What a StoreIteratorImpl reads: chosen once, when it is made.
#include "memtable/store_iterator_impl.h"

namespace timber::memtable {

void StoreIteratorImpl::add_child(std::unique_ptr<EntryIterator> child, Sequence sequence_max) {
    merger_.add(std::move(child));
    sequence_max_.push_back(sequence_max);
}

// A table that holds nothing up to `visible_` may be filled while this iterator walks, but with
// newer operations only.
void StoreIteratorImpl::add_memory_table(const MemoryTable& table) {
    if (table.empty() || table.sequence_min() > visible_) return;
    if (table.entries(family_) > 0) add_child(table.new_iterator(family_), table.sequence_max());
    if (table.has_range_removes(family_)) cover_.add(table.range_removes(family_));
}

void StoreIteratorImpl::add_level0() {
    for (const TableFileRef& file : view_->version->files(family_, 0)) {
        const FileMeta& meta = file->meta();
        if (meta.sequence_min > visible_ || !meta.overlaps(lower_, upper_)) continue;
        if (meta.entries > 0) add_child(tables_->new_iterator(*file, options_), meta.sequence_max);
        if (meta.range_removes > 0) cover_.add(file);
    }
}

void StoreIteratorImpl::add_level(size_t level) {
    const LevelFiles* const whole = view_->version->level(family_, level);
    if (whole == nullptr) return;
    const std::span<const TableFileRef> files = whole->overlapping(lower_, upper_);
    if (files.empty()) return;
    merger_.add(std::make_unique<LevelIterator>(files, options_, visible_, *tables_, whole));
    sequence_max_.push_back(kSequenceMax);
    // Those outside of the bounds do not hurt.
    cover_.add_level(whole->removing());
}

// The order decides which of two equal entries comes first; they say the same.
void StoreIteratorImpl::add_sources() {
    add_memory_table(*view_->active);
    for (const auto& table : view_->sealed) add_memory_table(*table);
    add_level0();
    for (size_t level = 1; level < kLevels; ++level) add_level(level);
    covered_ = !cover_.empty();
}

}  // namespace timber::memtable
