#include "memtable/table_iterator.h"

#include <algorithm>
#include <utility>

namespace timber::memtable {

namespace {

// What an iterator reads at once grows while it walks on, so that a short walk reads little in vain
// and a long one waits seldom: a single block first, then windows of these sizes, the last one
// again and again.
constexpr size_t kWindowBytes[] = {1, 16_KiB, 64_KiB, 64_KiB, 128_KiB, 256_KiB};
// From this window on, the next one is asked for once half of it was walked over. Not before: an
// iterator that goes has to wait for what it asked for.
constexpr size_t kWindowsAlone = 4;
// The first window of an iterator that was told how far to read ahead.
constexpr size_t kWindowBytesTold = 64_KiB;
// Of a block, what a search in it looks at: its head and its keys.
constexpr size_t kPrefetchBytes = 384;
constexpr size_t kCacheLineBytes = 64;

}  // namespace

TableIterator::TableIterator(const OpenTable& table, const TableReadOptions& options, Source source)
    : table_(table), options_(options), source_(source), ahead_(table) {
    if (!options.lower.empty()) block_first_ = table.index().find(options.lower, UINT64_MAX);
    if (!options.upper.empty()) block_last_ = table.index().find(options.upper, UINT64_MAX);
}

Status TableIterator::status() const {
    if (error_) return *error_;
    return {};
}

void TableIterator::fail(Error error) {
    valid_ = false;
    error_ = std::move(error);
}

void TableIterator::leave() {
    valid_ = false;
    held_.reset();
}

void TableIterator::show() {
    valid_ = cursor_.valid();
    key_ = cursor_.key();
    value_ = cursor_.value();
    if (cursor_.malformed()) [[unlikely]]
        fail(table_.damaged(block_, "an entry of a data block is malformed"));
}

size_t TableIterator::block_for(std::string_view target) const {
    const uint64_t trailer = trailer_of(target);
    const std::optional<Sequence> override_sequence = table_.sequence_override();
    if (!override_sequence) return table_.index().find(user_key_of(target), trailer);
    // Entries count as of one sequence, whatever the file's own order of versions is.
    const bool before = trailer >= pack_trailer(*override_sequence, kKindForSeek);
    return table_.index().find(user_key_of(target), before ? UINT64_MAX : 0);
}

Result<DataBlock> TableIterator::load_from_window(size_t block, Way way) {
    Result<ByteView> stored = ahead_.stored(block);
    if (!stored) return std::move(stored).error();
    std::string_view content;
    if (options_.fill_cache) {
        TIMBER_TRY(held_, table_.unpack(block, *stored));
        table_.keep(block, held_);
        content = held_->view();
    } else {
        TIMBER_TRY(const ByteView unpacked, table_.unpack_to(block, *stored, buffer_));
        content = as_text(unpacked);
    }
    // By a jump it may have come for this block alone.
    if (way != Way::kJump) ask_ahead(block, way);
    return table_.parse(block, content);
}

// Asks for the window behind that of `block`, which is in use, if it is time.
void TableIterator::ask_ahead(size_t block, Way way) {
    if (options_.readahead_bytes == 0 &&
        (windows_ < kWindowsAlone || !ahead_.in_second_half(block, way == Way::kForward)))
        return;
    if (const std::optional<size_t> next = ahead_.next_unasked(block, way == Way::kForward))
        ask(*next, way);
}

void TableIterator::ask(size_t block, Way way) {
    if (way == Way::kJump) windows_ = 0;
    size_t bytes = kWindowBytes[std::min(windows_, std::size(kWindowBytes) - 1)];
    if (options_.readahead_bytes != 0)
        bytes = windows_ == 0 ? std::min(kWindowBytesTold, options_.readahead_bytes)
                              : options_.readahead_bytes;
    ++windows_;
    ahead_.ask(block, way != Way::kBack, bytes);
}

Result<DataBlock> TableIterator::load(size_t block, Way way) {
    held_.reset();
    if (prepared_block_ == block && prepared_ != nullptr) {
        held_ = std::move(prepared_);
    } else if (ahead_.holds(block)) {
        if (way == Way::kJump) windows_ = 1;
        return load_from_window(block, way);
    } else if (source_ == Source::kCacheOrFile) {
        held_ = table_.cached(block);
    }
    if (held_ != nullptr) return table_.parse(block, held_->view());
    if (options_.cache_only) return make_error(ErrorCode::kBusy, "not in memory");
    ask(block, way);
    return load_from_window(block, way);
}

bool TableIterator::enter(size_t block, Way way) {
    block_ = block;
    Result<DataBlock> loaded = load(block, way);
    prepared_block_.reset();
    prepared_.reset();
    if (!loaded) {
        fail(std::move(loaded).error());
        return false;
    }
    cursor_.enter(*loaded);
    return true;
}

void TableIterator::prepare_seek(std::string_view target) {
    leave();
    error_.reset();
    const size_t block = block_for(target);
    if (block >= table_.index().blocks() || ahead_.holds(block)) return;
    prepared_block_ = block;
    prepared_ = table_.cached(block);
    if (prepared_ != nullptr) {
        // Of several iterators, each then misses the processor's cache while the others do.
        const std::string_view content = prepared_->view();
        for (size_t at = 0; at < std::min(content.size(), kPrefetchBytes); at += kCacheLineBytes)
            __builtin_prefetch(content.data() + at);
    } else if (!options_.cache_only) {
        ask(block, Way::kJump);
    }
}

void TableIterator::seek_to_first() {
    error_.reset();
    leave();
    if (table_.index().blocks() == 0 || !enter(0, Way::kJump)) return;
    cursor_.to_first();
    show();
}

void TableIterator::seek_to_last() {
    error_.reset();
    leave();
    if (table_.index().blocks() == 0 || !enter(table_.index().blocks() - 1, Way::kJump)) return;
    cursor_.to_last();
    show();
}

void TableIterator::seek(std::string_view target) {
    error_.reset();
    leave();
    const size_t block = block_for(target);
    if (block == table_.index().blocks() || !enter(block, Way::kJump)) return;
    cursor_.seek(target);
    show();
    // All of the block lies before the target, which lies before the next one.
    if (!valid_ && !error_) enter_next();
}

void TableIterator::seek_for_prev(std::string_view target) {
    error_.reset();
    leave();
    const size_t blocks = table_.index().blocks();
    const size_t block = block_for(target);
    if (block == blocks) return seek_to_last();
    if (!enter(block, Way::kJump)) return;
    cursor_.seek(target);
    show();
    if (error_) return;
    if (!valid_) {
        cursor_.to_last();
        show();
    } else if (compare_internal(key_, target) > 0) {
        prev();
    }
}

void TableIterator::next() {
    TIMBER_ASSERT(valid_);
    cursor_.next();
    if (cursor_.valid()) [[likely]] {
        key_ = cursor_.key();
        value_ = cursor_.value();
        return;
    }
    show();
    if (!error_) enter_next();
}

void TableIterator::enter_next() {
    if (block_ + 1 == table_.index().blocks() || block_ >= block_last_) return leave();
    if (!enter(block_ + 1, Way::kForward)) return;
    cursor_.to_first();
    show();
}

void TableIterator::prev() {
    TIMBER_ASSERT(valid_);
    cursor_.prev();
    show();
    if (!valid_ && !error_) enter_previous();
}

void TableIterator::enter_previous() {
    if (block_ <= block_first_) return leave();
    if (!enter(block_ - 1, Way::kBack)) return;
    cursor_.to_last();
    show();
}

}  // namespace timber::memtable
