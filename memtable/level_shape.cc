#include "memtable/level_shape.h"

#include <algorithm>
#include <cmath>

#include "src/base/assert.h"

namespace timber::memtable {

namespace {

constexpr size_t kLast = kLevels - 1;

// The size from which the levels grow: half of what a compaction of level 0 brings. Half, because
// such a compaction rewrites all of the base level, where one further down chooses the files that
// cost least: so the base level's factor has to be smaller for the same cost.
double unit_bytes(const Options& options) {
    const double level0 = static_cast<double>(options.level0_files_compact) *
                          static_cast<double>(options.memory_table_bytes);
    return std::max(std::min(static_cast<double>(options.level1_bytes), level0) / 2, 1.0);
}

// The shallowest level, not 0, that holds a file.
size_t first_in_use(const Version& version, Family family) {
    size_t level = 1;
    while (level < kLast && version.files(family, level).empty()) ++level;
    return level;
}

// The first level, so that none is more than `factor_max` times as large as the one before it.
size_t choose_base(double factor_total, double factor_max) {
    size_t base = kLast;
    double reached = factor_max;
    while (base > 1 && reached < factor_total) {
        reached *= factor_max;
        --base;
    }
    return base;
}

struct Bytes {
    std::array<double, kLevels> all{};
    std::array<double, kLevels> idle{};  // without those of claimed files
    size_t level0_idle = 0;
};

Bytes count_bytes(const Version& version, Family family, const CompactionClaims& claims) {
    Bytes bytes;
    for (size_t level = 0; level < kLevels; ++level)
        for (const TableFileRef& file : version.files(family, level)) {
            const auto file_bytes = static_cast<double>(file->meta().file_bytes);
            bytes.all[level] += file_bytes;
            if (claims.busy(file->meta().number)) continue;
            bytes.idle[level] += file_bytes;
            if (level == 0) ++bytes.level0_idle;
        }
    return bytes;
}

void set_targets(LevelShape& shape, double unit, double factor) {
    double target = unit;
    for (size_t level = shape.base; level < kLast; ++level) {
        target *= factor;
        shape.targets[level] = static_cast<uint64_t>(target);
    }
}

// What is over a level's target is merged with its share of the next one, and so on down.
void set_debt(LevelShape& shape, const Bytes& bytes, const Options& options, size_t level0_files) {
    std::array<double, kLevels> present = bytes.all;
    double debt = 0;
    if (level0_files >= options.level0_files_compact) {
        debt += present[0] + present[shape.base];
        present[shape.base] += present[0];
    }
    for (size_t level = shape.base; level < kLast; ++level) {
        const double excess = present[level] - static_cast<double>(shape.targets[level]);
        if (excess <= 0) continue;
        debt += excess * (1 + present[level + 1] / present[level]);
        present[level + 1] += excess;
    }
    shape.debt_bytes = static_cast<uint64_t>(debt);
}

double sum_of_rewrites(const LevelShape& shape, const Bytes& bytes, double unit) {
    double above = unit;
    double rewrites = 0;
    for (size_t level = shape.base; level < kLevels; ++level) {
        rewrites += 1 + bytes.all[level] / above;
        above = std::max(bytes.all[level], unit);
    }
    return rewrites;
}

}  // namespace

LevelShape level_shape(const Version& version, Family family, const Options& options,
                       const CompactionClaims& claims) {
    TIMBER_ASSERT(options.level_bytes_multiplier >= 2);
    const Bytes bytes = count_bytes(version, family, claims);
    const double unit = unit_bytes(options);
    double total = 0;
    for (size_t level = 1; level < kLevels; ++level) total += bytes.all[level];
    const double factor_total = std::max(total / unit, 1.0);
    const auto factor_max = static_cast<double>(options.level_bytes_multiplier);

    LevelShape shape;
    shape.base = std::min(choose_base(factor_total, factor_max), first_in_use(version, family));
    const auto levels = static_cast<double>(kLevels - shape.base);
    set_targets(shape, unit, std::pow(factor_total, 1 / levels));

    const size_t level0_files = version.files(family, 0).size();
    shape.scores[0] =
        static_cast<double>(bytes.level0_idle) / static_cast<double>(options.level0_files_compact);
    for (size_t level = shape.base; level < kLast; ++level)
        shape.scores[level] = bytes.idle[level] / static_cast<double>(shape.targets[level]);
    set_debt(shape, bytes, options, level0_files);
    shape.rewrites_per_byte = sum_of_rewrites(shape, bytes, unit);
    return shape;
}

}  // namespace timber::memtable
