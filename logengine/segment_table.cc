#include "logengine/segment_table.h"

namespace timber::logengine {

SegmentTable::~SegmentTable() {
    const MutexLock lock(mutex_);
    for (const auto& [id, entry] : entries_) TIMBER_ASSERT_OP(entry.pins, ==, 0u);
}

std::optional<SegmentTable::Pin> SegmentTable::pin(SegmentId id) {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return std::nullopt;
    ++found->second.pins;
    return Pin(*this, id, found->second.segment->file, found->second.segment->path);
}

void SegmentTable::unpin(SegmentId id) {
    bool tell = false;
    {
        const MutexLock lock(mutex_);
        Entry& entry = entries_.at(id);
        TIMBER_ASSERT(entry.pins > 0);  // T2
        --entry.pins;
        tell = entry.pins == 0 && entry.wanted;
        if (tell) entry.wanted = false;
    }
    if (tell) unpinned_();
}

Segment& SegmentTable::add(std::unique_ptr<Segment> segment) {
    const MutexLock lock(mutex_);
    TIMBER_ASSERT(segment->id != SegmentId());
    if (!entries_.empty()) TIMBER_ASSERT_OP(entries_.rbegin()->first, <, segment->id);  // T1
    const SegmentId id = segment->id;
    return *entries_.emplace(id, Entry{std::move(segment)}).first->second.segment;
}

std::unique_ptr<Segment> SegmentTable::take_oldest() {
    const MutexLock lock(mutex_);
    TIMBER_ASSERT(!entries_.empty());
    Entry& entry = entries_.begin()->second;
    if (entry.pins > 0) {
        entry.wanted = true;
        return nullptr;
    }
    std::unique_ptr<Segment> taken = std::move(entry.segment);
    entries_.erase(entries_.begin());
    return taken;
}

Segment& SegmentTable::oldest() {
    const MutexLock lock(mutex_);
    TIMBER_ASSERT(!entries_.empty());
    return *entries_.begin()->second.segment;
}

Segment& SegmentTable::newest() {
    const MutexLock lock(mutex_);
    TIMBER_ASSERT(!entries_.empty());
    return *entries_.rbegin()->second.segment;
}

Segment* SegmentTable::after(const Segment& segment) {
    const MutexLock lock(mutex_);
    const auto next = entries_.upper_bound(segment.id);
    return next == entries_.end() ? nullptr : next->second.segment.get();
}

size_t SegmentTable::size() const {
    const MutexLock lock(mutex_);
    return entries_.size();
}

void SegmentTable::clear(const std::function<void(std::unique_ptr<Segment>)>& visit) {
    const MutexLock lock(mutex_);
    for (auto& [id, entry] : entries_) {
        TIMBER_ASSERT_OP(entry.pins, ==, 0u);  // T2
        visit(std::move(entry.segment));
    }
    entries_.clear();
}

}  // namespace timber::logengine
