#include "memtable/write_path.h"

namespace timber::memtable {

WritePath::WritePath(const Options& options, Sequence last, uint64_t seed)
    : options_(options),
      random_(seed),
      active_(std::make_shared<MemoryTable>(random_.next())),
      next_(last + 1) {}

static Error busy(std::string detail) { return make_error(ErrorCode::kBusy, std::move(detail)); }

bool WritePath::full() const {
    if (memory_bytes_max_ != 0 && memory_bytes() >= memory_bytes_max_) return true;
    return active_full() && !may_seal();
}

Result<Sequence> WritePath::apply(const WriteBatch& batch) {
    if (full()) [[unlikely]]
        return busy("the memory tables are full; flushes are behind");
    if (reserved_ && next_ + batch.operations() > *reserved_) [[unlikely]]
        return busy("an ingest is under way and holds the next sequences");
    MemoryTable& table = *active_;
    Sequence sequence = next_;
    size_t user_bytes = 0;
    batch.for_each([&](const WriteBatch::Operation& operation) {
        switch (operation.kind) {
            case WriteBatch::Kind::kPut:
                table.add(operation.family, sequence, EntryKind::kPut, operation.key,
                          operation.value);
                break;
            case WriteBatch::Kind::kRemove:
                table.add(operation.family, sequence, EntryKind::kRemove, operation.key, {});
                break;
            case WriteBatch::Kind::kRemoveRange:
                table.add_range_remove(operation.family, sequence, operation.key, operation.value);
                break;
        }
        user_bytes += operation.key.size() + operation.value.size();
        ++sequence;
    });
    next_ = sequence;
    ++batches_;
    operations_ += batch.operations();
    user_bytes_ += user_bytes;
    return sequence - 1;
}

void WritePath::seal(LogMark log_floor) {
    TIMBER_ASSERT(!active_->empty());
    active_->seal();
    const size_t bytes = active_->memory_bytes();
    sealed_bytes_ += bytes;
    sealed_.push_back({std::move(active_), last(), log_floor, bytes});
    active_ = std::make_shared<MemoryTable>(random_.next());
}

void WritePath::drop_flushed(size_t count) {
    TIMBER_ASSERT_OP(count, <=, sealed_.size());
    for (; count > 0; --count) {
        sealed_bytes_ -= sealed_.front().memory_bytes;
        sealed_.pop_front();
    }
}

Sequence WritePath::reserve() {
    TIMBER_ASSERT(!reserved_);
    reserved_ = next_ + kReserveAhead;
    return *reserved_;
}

void WritePath::take_reserved() {
    TIMBER_ASSERT(reserved_ && *reserved_ >= next_);  // WP4
    next_ = *reserved_ + 2;
    reserved_.reset();
}

std::vector<std::shared_ptr<const MemoryTable>> WritePath::sealed_for_view() const {
    std::vector<std::shared_ptr<const MemoryTable>> tables;
    tables.reserve(sealed_.size());
    for (auto each = sealed_.rbegin(); each != sealed_.rend(); ++each)
        tables.push_back(each->table);
    return tables;
}

void WritePath::check_invariants() const {
    size_t bytes = 0;
    Sequence before;
    for (const SealedTable& sealed : sealed_) {
        TIMBER_ASSERT(sealed.table->sealed() && !sealed.table->empty());  // WP2
        TIMBER_ASSERT_OP(sealed.table->sequence_min(), >, before);        // WP2
        TIMBER_ASSERT_OP(sealed.table->sequence_max(), <=, sealed.last);  // WP1
        before = sealed.last;
        bytes += sealed.memory_bytes;
    }
    TIMBER_ASSERT_OP(bytes, ==, sealed_bytes_);
    TIMBER_ASSERT(!active_->sealed());
    if (!active_->empty()) TIMBER_ASSERT_OP(active_->sequence_min(), >, before);  // WP2
    TIMBER_ASSERT_OP(active_->sequence_max(), <, next_);                          // WP1
    if (reserved_) TIMBER_ASSERT_OP(next_, <=, *reserved_);                       // WP4
}

}  // namespace timber::memtable
