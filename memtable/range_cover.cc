#include "memtable/range_cover.h"

#include <algorithm>

#include "src/base/assert.h"

namespace timber::memtable {
namespace {

// Whether something that ends at `end` lies wholly before the key or, with `before`, before the
// keys just before it (where an empty key is the end of all).
bool ends_by(std::string_view end, std::string_view key, bool before) {
    if (end.empty()) return false;
    if (!before) return end <= key;
    return key.empty() || end < key;
}

// Whether something that begins at `begin` lies wholly behind it.
bool begins_behind(std::string_view begin, std::string_view key, bool before) {
    if (!before) return begin > key;
    return !key.empty() && begin >= key;
}

bool contains(const CoveredStretch& stretch, std::string_view key, bool before) {
    return !begins_behind(stretch.from, key, before) && !ends_by(stretch.until, key, before);
}

}  // namespace

void RangeCover::add(std::shared_ptr<const RangeRemoveSet> set) {
    if (set->empty()) return;
    Source source;
    source.fragments = set->fragments();
    source.held = std::move(set);
    sources_.push_back(std::move(source));
}

void RangeCover::add(const TableFileRef& file) {
    Source source;
    source.fragments = fragments_of(*file);
    if (!source.fragments.empty()) sources_.push_back(std::move(source));
}

void RangeCover::add_level(std::span<const TableFileRef> files) {
    if (files.empty()) return;
    Source source;
    source.fragments = fragments_of(*files.front());
    source.files = files;
    sources_.push_back(std::move(source));
}

std::span<const RangeCover::Fragment> RangeCover::fragments_of(const TableFile& file) const {
    return tables_->range_removes(file).fragments();
}

Sequence RangeCover::newest_visible(const Fragment& fragment) const {
    const auto found = std::ranges::partition_point(
        fragment.sequences, [this](Sequence sequence) { return sequence > visible_; });
    return found == fragment.sequences.end() ? Sequence() : *found;
}

// To the first file that does not end before the place asked for; beyond all, to the last.
void RangeCover::find_file(Source& source, std::string_view key, bool before) {
    const auto ends = [key, before](const TableFileRef& file) {
        const FileMeta& meta = file->meta();
        if (meta.largest_exclusive) return ends_by(meta.largest, key, before);
        return before ? key.empty() || meta.largest < key : meta.largest < key;
    };
    const auto found = std::ranges::partition_point(source.files, ends);
    const auto file = static_cast<size_t>(found - source.files.begin());
    source.file = std::min(file, source.files.size() - 1);
    source.fragments = fragments_of(*source.files[source.file]);
    TIMBER_ASSERT(!source.fragments.empty());
}

// Between `fragment` and the one before it, of the next file and of the file before if need be.
CoveredStretch RangeCover::gap_before(const Source& source, size_t fragment) const {
    CoveredStretch gap;
    if (fragment > 0)
        gap.from = source.fragments[fragment - 1].end;
    else if (source.file > 0)
        gap.from = fragments_of(*source.files[source.file - 1]).back().end;
    if (fragment < source.fragments.size())
        gap.until = source.fragments[fragment].begin;
    else if (source.file + 1 < source.files.size())
        gap.until = fragments_of(*source.files[source.file + 1]).front().begin;
    return gap;
}

void RangeCover::find_in(Source& source, std::string_view key, bool before) {
    if (!source.files.empty()) find_file(source, key, before);
    const auto found = std::ranges::partition_point(
        source.fragments,
        [key, before](const Fragment& fragment) { return ends_by(fragment.end, key, before); });
    const auto at = static_cast<size_t>(found - source.fragments.begin());
    const bool inside = at < source.fragments.size() && !begins_behind(found->begin, key, before);
    source.stretch = inside ? CoveredStretch{found->begin, found->end, newest_visible(*found)}
                            : gap_before(source, at);
    source.known = true;
}

void RangeCover::find(std::string_view key, bool before) {
    stretch_ = {};
    for (Source& source : sources_) {
        if (!source.known || !contains(source.stretch, key, before)) find_in(source, key, before);
        stretch_.from = std::max(stretch_.from, source.stretch.from);
        if (compare_ends(source.stretch.until, stretch_.until) < 0)
            stretch_.until = source.stretch.until;
        stretch_.by = std::max(stretch_.by, source.stretch.by);
    }
    known_ = true;
    TIMBER_CHECK_SLOW(contains(stretch_, key, before));  // RC1
}

Sequence RangeCover::covering_before(std::string_view key) {
    if (!known_ || !contains(stretch_, key, true)) find(key, true);
    return stretch_.by;
}

CoveredStretch RangeCover::covered_onwards(Sequence above) {
    TIMBER_ASSERT_OP(stretch_.by, >, above);
    CoveredStretch whole = stretch_;
    while (!whole.until.empty()) {
        find(whole.until, false);
        if (stretch_.by <= above) break;
        whole.until = stretch_.until;
        whole.by = std::min(whole.by, stretch_.by);
    }
    return whole;
}

CoveredStretch RangeCover::covered_backwards(Sequence above) {
    TIMBER_ASSERT_OP(stretch_.by, >, above);
    CoveredStretch whole = stretch_;
    while (!whole.from.empty()) {
        find(whole.from, true);
        if (stretch_.by <= above) break;
        whole.from = stretch_.from;
        whole.by = std::min(whole.by, stretch_.by);
    }
    return whole;
}

}  // namespace timber::memtable
