#include "memtable/level_iterator.h"

#include <algorithm>

#include "src/base/assert.h"

namespace timber::memtable {

LevelIterator::LevelIterator(std::span<const TableFileRef> files, const TableReadOptions& options,
                             Sequence visible, const TableAccess& tables, const LevelFiles* whole)
    : files_(files), whole_(whole), options_(options), visible_(visible), tables_(&tables) {}

size_t LevelIterator::file_reaching(std::string_view user_key) const {
    if (whole_ != nullptr) {
        const auto first = static_cast<size_t>(files_.data() - whole_->files().data());
        const size_t before = whole_->count_before(user_key);
        return std::min(before - std::min(before, first), files_.size());
    }
    const auto found = std::ranges::partition_point(
        files_, [user_key](const TableFileRef& file) { return !file->meta().reaches(user_key); });
    return static_cast<size_t>(found - files_.begin());
}

// They do not overlap, so all but the last of them lie before the key.
size_t LevelIterator::files_beginning_by(std::string_view user_key) const {
    const size_t file = file_reaching(user_key);
    const bool one_more = file < files_.size() && files_[file]->meta().smallest <= user_key;
    return file + (one_more ? 1 : 0);
}

bool LevelIterator::passed_over(size_t file) const {
    const FileMeta& meta = files_[file]->meta();
    return meta.entries == 0 || meta.sequence_min > visible_;
}

void LevelIterator::open(size_t file) {
    if (leaf_ != nullptr && at_ == file) return;
    at_ = file;
    leaf_ = tables_->new_iterator(*files_[file], options_);
}

void LevelIterator::close() { leaf_.reset(); }

bool LevelIterator::leaf_ended() const { return !leaf_->valid() && leaf_->status().ok(); }

void LevelIterator::settle_next() {
    while (leaf_ != nullptr && leaf_ended()) {
        size_t file = at_ + 1;
        while (file < files_.size() && passed_over(file)) ++file;
        if (file == files_.size()) return close();
        open(file);
        leaf_->seek_to_first();
    }
}

void LevelIterator::settle_prev() {
    while (leaf_ != nullptr && leaf_ended()) {
        size_t files = at_;
        while (files > 0 && passed_over(files - 1)) --files;
        if (files == 0) return close();
        open(files - 1);
        leaf_->seek_to_last();
    }
}

void LevelIterator::show() {
    valid_ = leaf_ != nullptr && leaf_->valid();
    if (!valid_) return;
    key_ = leaf_->key();
    value_ = leaf_->value();
}

Status LevelIterator::status() const { return leaf_ == nullptr ? Status() : leaf_->status(); }

void LevelIterator::prepare_seek(std::string_view target) {
    valid_ = false;
    const size_t file = file_reaching(user_key_of(target));
    if (file == files_.size() || passed_over(file)) return;
    open(file);
    leaf_->prepare_seek(target);
}

void LevelIterator::settle() {
    if (leaf_ != nullptr) leaf_->settle();
}

EntryIterator* LevelIterator::enter_next() {
    settle_next();
    return leaf_ != nullptr && leaf_->valid() ? leaf_.get() : nullptr;
}

EntryIterator* LevelIterator::enter_prev() {
    settle_prev();
    return leaf_ != nullptr && leaf_->valid() ? leaf_.get() : nullptr;
}

// An empty stretch: nothing is below sequence 0.
void LevelIterator::seek(std::string_view target) { seek_covered(target, {}); }
void LevelIterator::seek_for_prev(std::string_view target) { seek_for_prev_covered(target, {}); }
void LevelIterator::seek_to_first() {
    enter_covered(0, {}, {});
    show();
}
void LevelIterator::seek_to_last() { seek_to_last_covered({}); }

void LevelIterator::seek_to_last_covered(const CoveredStretch& stretch) {
    enter_covered_for_prev(files_.size(), {}, stretch);
    show();
}

void LevelIterator::seek_covered(std::string_view target, const CoveredStretch& stretch) {
    enter_covered(file_reaching(user_key_of(target)), target, stretch);
    show();
}

void LevelIterator::seek_for_prev_covered(std::string_view target, const CoveredStretch& stretch) {
    enter_covered_for_prev(files_beginning_by(user_key_of(target)), target, stretch);
    show();
}

void LevelIterator::skip_covered(const CoveredStretch& stretch) {
    TIMBER_ASSERT(leaf_ != nullptr);
    TIMBER_ASSERT(sequence_max() < stretch.by);
    enter_covered(at_, {}, stretch);
    show();
}

void LevelIterator::skip_covered_for_prev(const CoveredStretch& stretch) {
    TIMBER_ASSERT(leaf_ != nullptr);
    TIMBER_ASSERT(sequence_max() < stretch.by);
    enter_covered_for_prev(at_ + 1, {}, stretch);
    show();
}

// Only the file that the search begins in can hold something before `target`; the others are
// entered at their first entry. A hidden file that does not reach the stretch's end has nothing to
// show at all, and is not opened.
void LevelIterator::enter_covered(size_t file, std::string_view target,
                                  const CoveredStretch& stretch) {
    for (; file < files_.size(); ++file) {
        const FileMeta& meta = files_[file]->meta();
        const bool hidden = meta.sequence_max < stretch.by;
        if (!passed_over(file) &&
            (!hidden || (!stretch.until.empty() && meta.reaches(stretch.until)))) {
            open(file);
            if (hidden) {
                target_.clear();
                append_internal_key(target_, stretch.until, kSequenceMax, kKindForSeek);
                leaf_->seek(target_);
            } else if (!target.empty()) {
                leaf_->seek(target);
            } else {
                leaf_->seek_to_first();
            }
            return settle_next();
        }
        target = {};
    }
    close();
}

void LevelIterator::enter_covered_for_prev(size_t files, std::string_view target,
                                           const CoveredStretch& stretch) {
    for (; files > 0; --files) {
        const FileMeta& meta = files_[files - 1]->meta();
        const bool hidden = meta.sequence_max < stretch.by;
        if (!passed_over(files - 1) && (!hidden || meta.smallest < stretch.from)) {
            open(files - 1);
            if (hidden) {
                target_.clear();
                append_internal_key(target_, stretch.from, kSequenceMax, kKindForSeek);
                leaf_->seek_for_prev(target_);
            } else if (!target.empty()) {
                leaf_->seek_for_prev(target);
            } else {
                leaf_->seek_to_last();
            }
            return settle_prev();
        }
        target = {};
    }
    close();
}

void LevelIterator::next() {
    TIMBER_ASSERT(valid_);
    leaf_->next();
    if (!leaf_->valid()) [[unlikely]]
        settle_next();
    show();
}

void LevelIterator::prev() {
    TIMBER_ASSERT(valid_);
    leaf_->prev();
    if (!leaf_->valid()) [[unlikely]]
        settle_prev();
    show();
}

}  // namespace timber::memtable
