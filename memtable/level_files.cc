#include "memtable/level_files.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "src/base/assert.h"

namespace timber::memtable {

namespace {

// The first 8 bytes, zeros behind a shorter text: different heads order as the texts do.
uint64_t head_of(std::string_view text) {
    uint64_t head = 0;
    std::memcpy(&head, text.data(), std::min(text.size(), sizeof head));
    return std::byteswap(head);
}

bool without_limit(const FileMeta& file) { return file.largest_exclusive && file.largest.empty(); }

bool newer(const TableFileRef& left, const TableFileRef& right) {
    const FileMeta& l = left->meta();
    const FileMeta& r = right->meta();
    if (l.sequence_max != r.sequence_max) return l.sequence_max > r.sequence_max;
    return l.number > r.number;
}

}  // namespace

Result<std::shared_ptr<const LevelFiles>> LevelFiles::make(Order order,
                                                           std::vector<TableFileRef> files) {
    std::shared_ptr<LevelFiles> level(new LevelFiles);
    level->files_ = std::move(files);
    if (order == Order::kNewestFirst) {
        std::ranges::sort(level->files_, newer);
    } else {
        std::ranges::sort(level->files_, {}, [](const TableFileRef& file) -> const std::string& {
            return file->meta().smallest;
        });
        TIMBER_CHECK(level->check_apart());
        level->index_largest();
    }
    level->numbers_.reserve(level->files_.size());
    for (const TableFileRef& file : level->files_) {
        level->numbers_.push_back(file->meta().number);
        level->bytes_ += file->meta().file_bytes;
        if (file->meta().range_removes > 0) level->removing_.push_back(file);
    }
    return LevelFilesRef(std::move(level));
}

Status LevelFiles::check_apart() const {
    for (size_t index = 1; index < files_.size(); ++index) {
        const FileMeta& before = files_[index - 1]->meta();
        const FileMeta& after = files_[index]->meta();
        if (before.reaches(after.smallest))
            return make_error(ErrorCode::kCorrupted,
                              "files " + std::to_string(before.number.value()) + " and " +
                                  std::to_string(after.number.value()) +
                                  " of one level overlap (V2)");
    }
    return {};
}

void LevelFiles::index_largest() {
    // They are sorted: what the first and the last share, all do.
    size_t limited = files_.size();
    if (limited > 0 && without_limit(files_.back()->meta())) --limited;
    if (limited > 0) {
        const std::string& first = files_.front()->meta().largest;
        const std::string& last = files_[limited - 1]->meta().largest;
        const auto differ = std::ranges::mismatch(first, last).in1;
        common_.assign(first.begin(), differ);
    }
    heads_.assign(files_.size(), UINT64_MAX);
    for (size_t index = 0; index < limited; ++index)
        heads_[index] =
            head_of(std::string_view(files_[index]->meta().largest).substr(common_.size()));
}

size_t LevelFiles::count_before(std::string_view key) const {
    const int order = key.substr(0, common_.size()).compare(common_);
    // A key that is a part of what they share is before them all, too.
    if (order < 0) return 0;
    // Only a file without an upper limit reaches a key behind them all; it has the greatest head.
    const uint64_t head = order > 0 ? UINT64_MAX : head_of(key.substr(common_.size()));
    // Different heads decide; where they are equal the keys do.
    const auto equal = std::ranges::equal_range(heads_, head);
    const auto first = static_cast<size_t>(equal.begin() - heads_.begin());
    const auto unclear = std::span(files_).subspan(first, equal.size());
    const auto reaching = std::ranges::partition_point(
        unclear, [key](const TableFileRef& file) { return !file->meta().reaches(key); });
    return first + static_cast<size_t>(reaching - unclear.begin());
}

std::span<const TableFileRef> LevelFiles::overlapping(std::string_view begin,
                                                      std::string_view end) const {
    const size_t first = count_before(begin);
    const auto rest = std::span(files_).subspan(first);
    const auto behind = std::ranges::partition_point(
        rest, [end](const TableFileRef& file) { return before_end(file->meta().smallest, end); });
    return rest.first(static_cast<size_t>(behind - rest.begin()));
}

}  // namespace timber::memtable
