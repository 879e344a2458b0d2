#include "memtable/compaction_inputs.h"

#include <algorithm>

#include "src/base/assert.h"
#include "src/base/mistake.h"

namespace timber::memtable {

namespace {

constexpr size_t kLast = kLevels - 1;
// Level 0 is small below this part of what a full one holds.
constexpr uint64_t kSmallPart = 4;
constexpr size_t kMergeFilesMin = 3;

KeyRange hull_of(std::span<const TableFileRef> files) {
    KeyRange range = range_of(files.front()->meta());
    for (const TableFileRef& file : files.subspan(1)) range = hull(range, range_of(file->meta()));
    return range;
}

// A file of removes gives back more than itself when it is merged: what they hide.
double weight_of(const FileMeta& file) {
    const auto bytes = static_cast<double>(std::max<uint64_t>(file.file_bytes, 1));
    if (file.removes * 2 <= file.entries) return bytes;
    return bytes * (1 + static_cast<double>(file.removes) / static_cast<double>(file.entries));
}

bool mostly_removes(const FileMeta& file) {
    return file.range_removes > 0 || file.removes * 4 > file.entries * 3;
}

bool many_removes(const FileMeta& file) {
    return file.range_removes > 0 || file.removes * 4 > file.entries;
}

}  // namespace

CompactionInputs::CompactionInputs(const PickInputs& inputs, Family family, const Options& options)
    : options_(options),
      version_(inputs.version),
      claims_(inputs.claims),
      snapshot_oldest_(inputs.snapshot_oldest),
      family_(family),
      shape_(level_shape(*inputs.version, family, options, inputs.claims)) {}

std::span<const TableFileRef> CompactionInputs::level(size_t number) const {
    return version_->files(family_, number);
}

bool CompactionInputs::any_busy(std::span<const TableFileRef> files) const {
    return std::ranges::any_of(files, [&](const TableFileRef& file) { return busy(file); });
}

std::span<const TableFileRef> CompactionInputs::overlapping(size_t number,
                                                            const KeyRange& range) const {
    TIMBER_ASSERT(number != 0);
    const std::span<const TableFileRef> files = level(number);
    const auto first = std::ranges::partition_point(
        files, [&](const TableFileRef& file) { return !file->meta().reaches(range.begin); });
    const auto last = std::partition_point(first, files.end(), [&](const TableFileRef& file) {
        return before_end(file->meta().smallest, range.end);
    });
    return {first, last};
}

// Whether no file and no output under way would be overtaken, or met, by one that goes to `to`.
bool CompactionInputs::may_go_down(size_t to, const KeyRange& range) const {
    if (claims_.output_overlaps(family_, to, range)) return false;
    return !any_busy(overlapping(to, range));
}

std::optional<Compaction> CompactionInputs::down(size_t from, Files files, KeyRange range,
                                                 CompactionReason reason) const {
    const size_t to = level_below(from);
    TIMBER_ASSERT_OP(to, <, kLevels);
    if (any_busy(files) || !may_go_down(to, range)) return std::nullopt;
    // A base level further up, of when the store was larger, may still get its last outputs: what
    // comes from level 0 now must not slip in below them.
    for (size_t between = from + 1; between < to; ++between)
        if (claims_.output_overlaps(family_, between, range)) return std::nullopt;

    const std::span<const TableFileRef> below = overlapping(to, range);
    Compaction compaction;
    compaction.family = family_;
    compaction.level_from = static_cast<uint8_t>(from);
    compaction.level_to = static_cast<uint8_t>(to);
    compaction.reason = reason;
    compaction.inputs_from = std::move(files);
    compaction.inputs_to.assign(below.begin(), below.end());
    compaction.range = std::move(range);
    compaction.version = version_;
    expand(compaction);
    if (!compaction.inputs_to.empty())
        compaction.range = hull(compaction.range, hull_of(compaction.inputs_to));
    if (to < kLast) {
        const std::span<const TableFileRef> after = overlapping(to + 1, compaction.range);
        compaction.grandparents.assign(after.begin(), after.end());
    }
    compaction.move = movable(from, compaction);
    return compaction;
}

// Adds neighbours from the same level that lie between the next files of the output level: they
// come at no cost but their own.
void CompactionInputs::expand(Compaction& compaction) const {
    if (compaction.level_from == 0 || compaction.inputs_to.empty()) return;
    const std::span<const TableFileRef> files = level(compaction.level_from);
    const std::span<const TableFileRef> below = level(compaction.level_to);
    const auto number_of = [](const TableFileRef& file) { return file->meta().number; };
    const auto first_below =
        std::ranges::find(below, number_of(compaction.inputs_to.front()), number_of);
    const auto end_below = first_below + static_cast<std::ptrdiff_t>(compaction.inputs_to.size());
    uint64_t room = kExpandTables * target_bytes();
    const auto fits = [&](const TableFileRef& file) {
        const FileMeta& meta = file->meta();
        if (busy(file) || meta.file_bytes > room) return false;
        // Also in a gap between files: an output may span it.
        const KeyRange range = hull(compaction.range, range_of(meta));
        if (claims_.output_overlaps(family_, compaction.level_to, range)) return false;
        if (first_below != below.begin() && (*(first_below - 1))->meta().reaches(meta.smallest))
            return false;
        if (end_below != below.end() && meta.reaches((*end_below)->meta().smallest)) return false;
        room -= meta.file_bytes;
        compaction.range = range;
        return true;
    };
    Files& chosen = compaction.inputs_from;
    auto first = std::ranges::find(files, number_of(chosen.front()), number_of);
    auto end = std::ranges::find(files, number_of(chosen.back()), number_of) + 1;
    if (static_cast<size_t>(end - first) != chosen.size()) return;
    while (end != files.end() && fits(*end)) ++end;
    while (first != files.begin() && fits(*(first - 1))) --first;
    chosen.assign(first, end);
}

// Nothing to merge with, and the levels keep their files alike. What overlaps much of the level
// after is written anew, cut to its files.
bool CompactionInputs::movable(size_t from, const Compaction& compaction) const {
    const size_t to = compaction.level_to;
    const FamilyOptions& family = options_.families[index_of(family_)];
    if (!compaction.inputs_to.empty() || family.compression[from] != family.compression[to])
        return false;
    if (from == 0 && compaction.inputs_from.size() > 1) return false;
    return bytes_of(compaction.grandparents) <= kGrandparentTables * target_bytes();
}

// Files of level 0 that hang together by overlaps. Those that are newer than what is flushed stay
// where they are (C4); being newest, they are nobody's older neighbours.
std::vector<CompactionInputs::Component> CompactionInputs::components() const {
    Files files;
    for (const TableFileRef& file : level(0))
        if (file->meta().sequence_max <= version_->flushed()) files.push_back(file);
    std::ranges::stable_sort(files, {}, [](const TableFileRef& file) -> const std::string& {
        return file->meta().smallest;
    });
    std::vector<Component> components;
    for (TableFileRef& file : files) {
        const KeyRange range = range_of(file->meta());
        if (components.empty() || !overlap(components.back().range, range))
            components.push_back({{}, range});
        Component& component = components.back();
        component.range = hull(component.range, range);
        component.bytes += file->meta().file_bytes;
        component.busy |= busy(file);
        component.files.push_back(std::move(file));
    }
    for (Component& component : components)
        std::ranges::sort(component.files, [](const TableFileRef& left, const TableFileRef& right) {
            return left->meta().sequence_max > right->meta().sequence_max;
        });
    return components;
}

std::optional<Compaction> CompactionInputs::level0() const {
    std::vector<Component> all = components();
    // The one with most files; of equals, the largest.
    std::ranges::stable_sort(all, [](const Component& left, const Component& right) {
        return std::pair(left.files.size(), left.bytes) >
               std::pair(right.files.size(), right.bytes);
    });
    for (Component& component : all) {
        if (component.busy) continue;
        if (TIMBER_MISTAKE(store_level0_older_left) && component.files.size() > 1)
            component.files.pop_back();
        std::optional<Compaction> compaction =
            down(0, std::move(component.files), component.range, CompactionReason::kLevel0);
        if (compaction.has_value()) return compaction;
    }
    return std::nullopt;
}

bool CompactionInputs::level0_small() const {
    const std::span<const TableFileRef> files = level(0);
    const uint64_t bytes = bytes_of(files);
    const uint64_t full = options_.level0_files_compact * options_.memory_table_bytes;
    return files.size() < options_.level0_files_slow / 2 && bytes < full / kSmallPart &&
           bytes_of(level(shape_.base)) > bytes * kSmallPart;
}

std::optional<Compaction> CompactionInputs::merge0() const {
    const std::span<const TableFileRef> files = level(0);
    std::span<const TableFileRef> best;
    for (size_t first = 0; first < files.size(); ++first) {
        uint64_t bytes = 0;
        uint64_t largest = 0;
        for (size_t last = first; last < files.size(); ++last) {
            const FileMeta& meta = files[last]->meta();
            if (busy(files[last]) || meta.sequence_max > version_->flushed()) break;
            bytes += meta.file_bytes;
            largest = std::max(largest, meta.file_bytes);
            const size_t count = last - first + 1;
            // Each file at least doubles in size, so it is rewritten a few times only.
            if (count >= kMergeFilesMin && count > best.size() && largest <= bytes - largest)
                best = files.subspan(first, count);
        }
    }
    if (best.empty()) return std::nullopt;
    Compaction compaction;
    compaction.family = family_;
    compaction.reason = CompactionReason::kMerge0;
    compaction.inputs_from.assign(best.begin(), best.end());
    compaction.range = hull_of(best);
    compaction.version = version_;
    return compaction;
}

std::optional<Compaction> CompactionInputs::cheapest(size_t from) const {
    TIMBER_ASSERT(from != 0);
    struct Candidate {
        double cost;
        size_t index;
    };
    std::vector<Candidate> candidates;
    const std::span<const TableFileRef> files = level(from);
    const std::span<const TableFileRef> below = level(from + 1);
    size_t first = 0;
    for (size_t index = 0; index < files.size(); ++index) {
        const FileMeta& meta = files[index]->meta();
        while (first < below.size() && !below[first]->meta().reaches(meta.smallest)) ++first;
        if (busy(files[index])) continue;
        uint64_t bytes = 0;
        bool blocked = false;
        for (size_t at = first; at < below.size() && meta.reaches(below[at]->meta().smallest);
             ++at) {
            bytes += below[at]->meta().file_bytes;
            blocked |= busy(below[at]);
        }
        if (!blocked) candidates.push_back({static_cast<double>(bytes) / weight_of(meta), index});
    }
    std::ranges::stable_sort(candidates, {}, &Candidate::cost);
    for (const Candidate& candidate : candidates) {
        const TableFileRef& file = files[candidate.index];
        std::optional<Compaction> compaction =
            down(from, {file}, range_of(file->meta()), CompactionReason::kLevelSize);
        if (!compaction.has_value()) continue;
        if (compaction->move) add_movable(*compaction);
        return compaction;
    }
    return std::nullopt;
}

// One edit moves all that may move, until the level is within its target.
void CompactionInputs::add_movable(Compaction& compaction) const {
    const size_t from = compaction.level_from;
    uint64_t level_bytes = version_->level_bytes(family_, from);
    level_bytes -= bytes_of(compaction.inputs_from);
    const FileNumber chosen = compaction.inputs_from.front()->meta().number;
    Files moved;
    for (const TableFileRef& file : level(from)) {
        if (file->meta().number == chosen) {
            moved.push_back(file);
            continue;
        }
        if (level_bytes <= shape_.targets[from] || busy(file)) continue;
        const std::optional<Compaction> alone =
            down(from, {file}, range_of(file->meta()), CompactionReason::kLevelSize);
        if (!alone.has_value() || !alone->move) continue;
        level_bytes -= file->meta().file_bytes;
        moved.push_back(file);
    }
    compaction.inputs_from = std::move(moved);
    compaction.range = hull_of(compaction.inputs_from);
}

bool CompactionInputs::overlaps_below(size_t from, const KeyRange& range) const {
    for (size_t below = from + 1; below < kLevels; ++below)
        if (!overlapping(below, range).empty()) return true;
    return false;
}

// Whether a file would lose all its removes if it were written anew where it is.
bool CompactionInputs::droppable(size_t from, const FileMeta& file) const {
    return from != 0 && file.sequence_max <= std::min(snapshot_oldest_, version_->flushed()) &&
           !overlaps_below(from, range_of(file));
}

std::optional<Compaction> CompactionInputs::rewritten(size_t from, const TableFileRef& file,
                                                      CompactionReason reason) const {
    const KeyRange range = range_of(file->meta());
    if (busy(file) || claims_.output_overlaps(family_, from, range)) return std::nullopt;
    Compaction compaction;
    compaction.family = family_;
    compaction.level_from = static_cast<uint8_t>(from);
    compaction.level_to = static_cast<uint8_t>(from);
    compaction.reason = reason;
    compaction.inputs_from = {file};
    compaction.range = range;
    compaction.version = version_;
    return compaction;
}

std::optional<Compaction> CompactionInputs::removes_of(size_t from,
                                                       const TableFileRef& file) const {
    const FileMeta& meta = file->meta();
    if (busy(file) || !many_removes(meta)) return std::nullopt;
    if (droppable(from, meta)) return rewritten(from, file, CompactionReason::kRemoves);
    const KeyRange range = range_of(meta);
    if (!mostly_removes(meta) || !overlaps_below(from, range)) return std::nullopt;
    if (from != 0) return down(from, {file}, range, CompactionReason::kRemoves);
    for (Component& component : components())
        if (overlap(component.range, range) && !component.busy)
            return down(0, std::move(component.files), component.range, CompactionReason::kRemoves);
    return std::nullopt;
}

std::optional<Compaction> CompactionInputs::removes() const {
    for (size_t from = 0; from < kLevels; ++from)
        for (const TableFileRef& file : level(from))
            if (std::optional<Compaction> compaction = removes_of(from, file)) return compaction;
    return std::nullopt;
}

std::optional<Compaction> CompactionInputs::range_down(size_t from, const RangeRequest& request,
                                                       bool& blocked) const {
    const auto asked_for = [&](const TableFileRef& file) {
        return file->meta().sequence_min <= request.up_to &&
               file->meta().overlaps(request.range.begin, request.range.end);
    };
    if (from == 0) {
        for (Component& component : components()) {
            if (std::ranges::none_of(component.files, asked_for)) continue;
            std::optional<Compaction> compaction =
                down(0, std::move(component.files), component.range, CompactionReason::kRange);
            if (compaction.has_value()) return compaction;
            blocked = true;
        }
        return std::nullopt;
    }
    for (const TableFileRef& file : level(from)) {
        if (!asked_for(file)) continue;
        std::optional<Compaction> compaction =
            down(from, {file}, range_of(file->meta()), CompactionReason::kRange);
        if (compaction.has_value()) return compaction;
        blocked = true;
    }
    return std::nullopt;
}

std::optional<Compaction> CompactionInputs::range_rewritten(size_t from,
                                                            const RangeRequest& request,
                                                            bool& blocked) const {
    for (const TableFileRef& file : level(from)) {
        const FileMeta& meta = file->meta();
        if (meta.sequence_min > request.up_to ||
            !meta.overlaps(request.range.begin, request.range.end))
            continue;
        if (meta.removes + meta.range_removes == 0 || !droppable(from, meta)) continue;
        std::optional<Compaction> compaction = rewritten(from, file, CompactionReason::kRange);
        if (compaction.has_value()) return compaction;
        blocked = true;
    }
    return std::nullopt;
}

}  // namespace timber::memtable
