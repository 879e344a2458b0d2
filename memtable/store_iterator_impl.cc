#include "memtable/store_iterator_impl.h"

#include <algorithm>

#include "src/base/assert.h"

namespace timber::memtable {
namespace {

// After so many steps over versions of one key, its source is sought past the rest.
constexpr size_t kVersionSteps = 8;

TableReadOptions table_options(const ReadOptions& options, const std::string& lower,
                               const std::string& upper) {
    TableReadOptions of_tables;
    of_tables.cache_only = options.cache_only;
    of_tables.fill_cache = options.fill_cache;
    of_tables.readahead_bytes = options.readahead_bytes;
    of_tables.lower = lower;
    of_tables.upper = upper;
    return of_tables;
}

void set_internal_key(std::string& to, std::string_view user_key, Sequence sequence,
                      EntryKind kind) {
    to.clear();
    append_internal_key(to, user_key, sequence, kind);
}

}  // namespace

StoreIteratorImpl::StoreIteratorImpl(ViewRef view, Family family, Sequence visible,
                                     const ReadOptions& options, const TableAccess& tables)
    : view_(std::move(view)),
      family_(family),
      visible_(visible),
      lower_(options.lower),
      upper_(options.upper),
      lower_prefix_(key_prefix(lower_)),
      upper_prefix_(upper_.empty() ? UINT64_MAX : key_prefix(upper_)),
      options_(table_options(options, lower_, upper_)),
      tables_(&tables),
      cover_(visible, tables) {
    add_sources();
}

// --- Bounds and covers ---

bool StoreIteratorImpl::behind_upper(std::string_view user_key) const {
    return merger_.prefix() >= upper_prefix_ && !before_end(user_key, upper_);
}

bool StoreIteratorImpl::before_lower(std::string_view user_key) const {
    return merger_.prefix() <= lower_prefix_ && user_key < lower_;
}

Sequence StoreIteratorImpl::current_sequence_max() const {
    const LevelIterator* const level = merger_.current_child().level;
    return level != nullptr ? level->sequence_max() : sequence_max_[merger_.current()];
}

// Behind the upper bound nothing matters, so a source that is sought there would read a block for
// nothing.
CoveredStretch StoreIteratorImpl::within_bounds(CoveredStretch stretch) const {
    if (compare_ends(stretch.until, upper_) >= 0) stretch.until = {};
    if (stretch.from <= lower_) stretch.from = {};
    return stretch;
}

// All sources ask for what they will read before the first one waits for it.
void StoreIteratorImpl::prepare() {
    if (merger_.children() > 1) merger_.prepare_seek(target_);
}

void StoreIteratorImpl::place_forward(std::string_view key, Sequence sequence, EntryKind kind) {
    set_internal_key(target_, key, sequence, kind);
    CoveredStretch stretch;
    if (covered_ && cover_.covering(key) > Sequence()) {
        stretch = within_bounds(cover_.stretch());
        set_internal_key(target_covered_, stretch.until, visible_, kKindForSeek);
    }
    if (stretch.by == Sequence()) prepare();
    merger_.place_forward([&](MergingIterator::Child& child, size_t index) {
        if (child.level != nullptr) {
            child.level->seek_covered(target_, stretch);
            return true;
        }
        const bool hidden = sequence_max_[index] < stretch.by;
        if (hidden && stretch.until.empty()) return false;
        child.iterator->seek(hidden ? target_covered_ : target_);
        return true;
    });
}

void StoreIteratorImpl::place_backward(std::string_view key, bool before) {
    if (before)
        set_internal_key(target_, key, kSequenceMax, kKindForSeek);
    else
        set_internal_key(target_, key, Sequence(), EntryKind::kRemove);
    const bool from_end = before && key.empty();
    CoveredStretch stretch;
    if (covered_ && (before ? cover_.covering_before(key) : cover_.covering(key)) > Sequence()) {
        stretch = within_bounds(cover_.stretch());
        set_internal_key(target_covered_, stretch.from, kSequenceMax, kKindForSeek);
    }
    if (stretch.by == Sequence() && !from_end) prepare();
    merger_.place_backward([&](MergingIterator::Child& child, size_t index) {
        if (child.level != nullptr) {
            from_end ? child.level->seek_to_last_covered(stretch)
                     : child.level->seek_for_prev_covered(target_, stretch);
            return true;
        }
        const bool hidden = sequence_max_[index] < stretch.by;
        if (hidden && stretch.from.empty()) return false;
        if (hidden)
            child.iterator->seek_for_prev(target_covered_);
        else
            from_end ? child.iterator->seek_to_last() : child.iterator->seek_for_prev(target_);
        return true;
    });
}

// --- Forward ---

void StoreIteratorImpl::seek_to_first() { seek(lower_); }

void StoreIteratorImpl::seek(std::string_view key) {
    if (key < lower_) key = lower_;
    if (!before_end(key, upper_)) return end();
    place_forward(key, visible_, kKindForSeek);
    find_next(false);
}

void StoreIteratorImpl::next() {
    TIMBER_ASSERT(valid_);
    if (forward_) {
        save_key(key_);
        merger_.next();
    } else {
        place_forward(saved_key_.view(), Sequence(), EntryKind::kRemove);
    }
    find_next(true);
}

void StoreIteratorImpl::find_next(bool passing) {
    size_t steps = 0;
    forward_ = true;
    while (merger_.valid()) {
        const std::string_view user_key = user_key_of(merger_.key());
        const uint64_t trailer = trailer_of(merger_.key());
        const Sequence sequence(trailer >> 8);
        if (behind_upper(user_key)) return end();
        if (passing && at_saved_key(user_key)) {
            pass_version(steps, user_key, Sequence(), EntryKind::kRemove);
        } else if (sequence > visible_) [[unlikely]] {
            pass_version(steps, user_key, visible_, kKindForSeek);
        } else if (covered_ && skip_hidden(user_key, sequence, passing)) {
            steps = 0;
        } else if (kind_of(merger_.key()) == EntryKind::kRemove) {
            save_key(user_key);
            passing = true;
            steps = 0;
            merger_.next();
        } else {
            key_ = user_key;
            value_ = merger_.value();
            valid_ = true;
            return;
        }
    }
    end_or_fail();
}

// Another source may have just as many versions of the key: it is passed when it comes up.
void StoreIteratorImpl::pass_version(size_t& steps, std::string_view user_key, Sequence sequence,
                                     EntryKind kind) {
    if (++steps % kVersionSteps != 0) return merger_.next();
    set_internal_key(target_, user_key, sequence, kind);
    merger_.skip_forward([this](MergingIterator::Child& child) { child.iterator->seek(target_); });
}

// A source that holds nothing as new as the remove has nothing to show in all that is covered. One
// that does must be walked: there may be something newer behind each key.
bool StoreIteratorImpl::skip_hidden(std::string_view user_key, Sequence sequence, bool& passing) {
    const Sequence by = cover_.covering(user_key);
    if (sequence >= by) return false;
    const Sequence newest = current_sequence_max();
    if (newest >= by) {
        save_key(user_key);
        passing = true;
        merger_.next();
        return true;
    }
    const CoveredStretch stretch = within_bounds(cover_.covered_onwards(newest));
    if (merger_.current_child().level != nullptr) {
        merger_.skip_forward(
            [&stretch](MergingIterator::Child& child) { child.level->skip_covered(stretch); });
    } else if (stretch.until.empty()) {
        merger_.leave_current();
    } else {
        set_internal_key(target_, stretch.until, visible_, kKindForSeek);
        merger_.skip_forward(
            [this](MergingIterator::Child& child) { child.iterator->seek(target_); });
    }
    return true;
}

// --- Backward ---

void StoreIteratorImpl::seek_to_last() {
    place_backward(upper_, true);
    find_prev();
}

void StoreIteratorImpl::seek_for_prev(std::string_view key) {
    if (key < lower_) return end();
    const bool beyond = !before_end(key, upper_);
    place_backward(beyond ? upper_ : key, beyond);
    find_prev();
}

void StoreIteratorImpl::prev() {
    TIMBER_ASSERT(valid_);
    if (forward_) {
        if (key_.empty()) return end();  // nothing lies before it, and below it means the end
        place_backward(key_, true);
    }
    find_prev();
}

void StoreIteratorImpl::find_prev() {
    forward_ = false;
    while (merger_.valid()) {
        const std::string_view user_key = user_key_of(merger_.key());
        if (before_lower(user_key)) return end();
        if (covered_ && skip_hidden_backward(user_key, sequence_of(merger_.key()))) continue;
        save_key(user_key);
        if (!collect_versions()) continue;
        key_ = saved_key_.view();
        value_ = saved_value_;
        // A source that failed behind the key may have had its newest version.
        valid_ = !merger_.failed();
        failed_ = !valid_;
        return;
    }
    end_or_fail();
}

// The oldest version comes first, so each that is visible stands for all before it.
bool StoreIteratorImpl::collect_versions() {
    const Sequence by = covered_ ? cover_.covering(saved_key_.view()) : Sequence();
    bool shown = false;
    size_t steps = 0;
    do {
        const Sequence sequence = sequence_of(merger_.key());
        if (sequence <= visible_) {
            shown = kind_of(merger_.key()) == EntryKind::kPut && sequence >= by;
            if (shown) saved_value_.assign(merger_.value());
        }
        pass_version_backward(steps, sequence);
    } while (merger_.valid() && at_saved_key(user_key_of(merger_.key())));
    return shown;
}

// Leaps to the newest visible version that this source has, or over all that are not visible. The
// leap may end where it began, so it is one step in several.
void StoreIteratorImpl::pass_version_backward(size_t& steps, Sequence sequence) {
    if (++steps % kVersionSteps != 0) return merger_.prev();
    const bool visible = sequence <= visible_;
    set_internal_key(target_, saved_key_.view(), visible ? visible_ : kSequenceMax, kKindForSeek);
    merger_.skip_backward([this, visible](MergingIterator::Child& child) {
        visible ? child.iterator->seek(target_) : child.iterator->seek_for_prev(target_);
    });
}

bool StoreIteratorImpl::skip_hidden_backward(std::string_view user_key, Sequence sequence) {
    const Sequence by = cover_.covering(user_key);
    if (sequence >= by) return false;
    const Sequence newest = current_sequence_max();
    if (newest >= by) return false;
    const CoveredStretch stretch = within_bounds(cover_.covered_backwards(newest));
    if (merger_.current_child().level != nullptr) {
        merger_.skip_backward([&stretch](MergingIterator::Child& child) {
            child.level->skip_covered_for_prev(stretch);
        });
    } else if (stretch.from.empty()) {
        merger_.leave_current();
    } else {
        set_internal_key(target_, stretch.from, kSequenceMax, kKindForSeek);
        merger_.skip_backward(
            [this](MergingIterator::Child& child) { child.iterator->seek_for_prev(target_); });
    }
    return true;
}

void StoreIteratorImpl::check_invariants() const {
    merger_.check_invariants();
    if (!valid_) return;
    TIMBER_ASSERT(key_ >= lower_ && before_end(key_, upper_));
    if (forward_) {
        TIMBER_ASSERT(merger_.valid());                         // SI1
        TIMBER_ASSERT(key_ == user_key_of(merger_.key()));      // SI1
        TIMBER_ASSERT(sequence_of(merger_.key()) <= visible_);  // SI1
    } else if (merger_.valid()) {
        TIMBER_ASSERT(user_key_of(merger_.key()) < saved_key_.view());  // SI2
    }
}

}  // namespace timber::memtable
