#include "memtable/compaction_picker.h"

#include <algorithm>

#include "memtable/compaction_inputs.h"
#include "src/base/assert.h"

namespace timber::memtable {

namespace {

struct Urgency {
    double score;
    size_t family;
    size_t level;
};

std::optional<Compaction> pick_level(const CompactionInputs& inputs, size_t level) {
    if (level != 0) return inputs.cheapest(level);
    if (inputs.level0_small()) return inputs.merge0();
    return inputs.level0();
}

std::vector<Urgency> by_urgency(std::span<const CompactionInputs> families) {
    std::vector<Urgency> urgent;
    for (size_t family = 0; family < families.size(); ++family)
        for (size_t level = 0; level < kLevels; ++level) {
            const double score = families[family].shape().scores[level];
            if (score >= 1) urgent.push_back({score, family, level});
        }
    std::ranges::stable_sort(urgent, std::greater<>(), &Urgency::score);
    return urgent;
}

}  // namespace

std::optional<Compaction> CompactionPicker::pick(const PickInputs& inputs) const {
    std::vector<CompactionInputs> families;
    for (Family family : kAllFamilies) families.emplace_back(inputs, family, options_);
    for (const Urgency& urgency : by_urgency(families)) {
        std::optional<Compaction> picked = pick_level(families[urgency.family], urgency.level);
        if (picked.has_value()) return picked;
    }
    // Nothing is over its limit: time for what only hides other data.
    for (const CompactionInputs& family : families) {
        std::optional<Compaction> picked = family.removes();
        if (picked.has_value()) return picked;
    }
    return std::nullopt;
}

RangePick CompactionPicker::pick_range(const PickInputs& inputs,
                                       const RangeRequest& request) const {
    const CompactionInputs family(inputs, request.family, options_);
    size_t last = family.shape().base;
    for (size_t level = last; level < kLevels; ++level)
        for (const TableFileRef& file : inputs.version->files(request.family, level))
            if (file->meta().overlaps(request.range.begin, request.range.end)) last = level;
    bool blocked = false;
    for (size_t level = 0; level < last; ++level) {
        std::optional<Compaction> picked = family.range_down(level, request, blocked);
        if (picked.has_value()) return {false, std::move(picked)};
    }
    std::optional<Compaction> picked = family.range_rewritten(last, request, blocked);
    if (picked.has_value()) return {false, std::move(picked)};
    return {!blocked, std::nullopt};
}

}  // namespace timber::memtable
