#include "memtable/compaction.h"

#include <algorithm>

#include "src/base/assert.h"

namespace timber::memtable {

namespace {

bool contains_file(std::span<const TableFileRef> files, FileNumber number) {
    return std::ranges::any_of(
        files, [&](const TableFileRef& file) { return file->meta().number == number; });
}

}  // namespace

KeyRange range_of(const FileMeta& file) {
    KeyRange range{file.smallest, file.largest};
    // The smallest key behind an inclusive end.
    if (!file.largest_exclusive) range.end.push_back('\0');
    return range;
}

KeyRange hull(const KeyRange& left, const KeyRange& right) {
    return {std::min(left.begin, right.begin),
            compare_ends(left.end, right.end) >= 0 ? left.end : right.end};
}

bool overlap(const KeyRange& left, const KeyRange& right) {
    return before_end(left.begin, right.end) && before_end(right.begin, left.end);
}

uint64_t Compaction::bytes() const { return bytes_of(inputs_from) + bytes_of(inputs_to); }

VersionEdit Compaction::move_edit() const {
    TIMBER_ASSERT(move);
    TIMBER_ASSERT(inputs_to.empty());
    VersionEdit edit;
    for (const TableFileRef& file : inputs_from) {
        edit.removed.push_back({family, level_from, file->meta().number});
        edit.added.push_back({level_to, file->meta()});
    }
    return edit;
}

void Compaction::check_invariants() const {
    TIMBER_ASSERT(!inputs_from.empty());
    for (const TableFileRef& file : inputs_from) {
        const KeyRange own = range_of(file->meta());
        TIMBER_ASSERT(hull(own, range) == range);
        if (level_from == 0) TIMBER_ASSERT(file->meta().sequence_max <= version->flushed());  // C4
        if (level_from != 0 || level_to == 0) continue;
        for (const TableFileRef& other : version->files(family, 0))  // C2
            if (other->meta().sequence_max < file->meta().sequence_max &&
                overlap(range_of(other->meta()), own))
                TIMBER_ASSERT(contains_file(inputs_from, other->meta().number));
    }
    if (level_to != 0) check_output_level();
}

void Compaction::check_output_level() const {  // C1
    for (const TableFileRef& file : version->files(family, level_to)) {
        const KeyRange own = range_of(file->meta());
        const FileNumber number = file->meta().number;
        if (move) {
            for (const TableFileRef& moved : inputs_from)
                TIMBER_ASSERT(!overlap(own, range_of(moved->meta())));
        } else if (overlap(own, range)) {
            TIMBER_ASSERT(contains_file(inputs_to, number) ||
                          (level_from == level_to && contains_file(inputs_from, number)));
        }
    }
}

CompactionClaims::Id CompactionClaims::claim(const Compaction& compaction) {
    Claim claim{.id = Id(++last_id_),
                .family = compaction.family,
                .level_from = compaction.level_from,
                .level_to = compaction.level_to};
    for (const TableFileRef& file : compaction.inputs_from) {
        claim.files.push_back(file->meta().number);
        if (compaction.move) claim.ranges.push_back(range_of(file->meta()));
    }
    for (const TableFileRef& file : compaction.inputs_to)
        claim.files.push_back(file->meta().number);
    if (!compaction.move) claim.ranges.push_back(compaction.range);
    std::ranges::sort(claim.files);
    for (FileNumber file : claim.files) TIMBER_ASSERT(!busy(file));  // C3
    if (claim.level_to != 0)
        for (const KeyRange& range : claim.ranges)
            TIMBER_ASSERT(!output_overlaps(claim.family, claim.level_to, range));  // C3
    const auto before = static_cast<std::ptrdiff_t>(busy_.size());
    busy_.insert(busy_.end(), claim.files.begin(), claim.files.end());
    std::inplace_merge(busy_.begin(), busy_.begin() + before, busy_.end());
    claims_.push_back(std::move(claim));
    return claims_.back().id;
}

CompactionClaims::Id CompactionClaims::claim_output(Family family, size_t level, KeyRange range) {
    claims_.push_back(
        {.id = Id(++last_id_), .family = family, .level_to = level, .ranges = {std::move(range)}});
    return claims_.back().id;
}

void CompactionClaims::release(Id id) {
    const auto claim = std::ranges::find(claims_, id, &Claim::id);
    TIMBER_ASSERT(claim != claims_.end());
    std::vector<FileNumber> left;
    std::ranges::set_difference(busy_, claim->files, std::back_inserter(left));
    TIMBER_ASSERT_OP(left.size() + claim->files.size(), ==, busy_.size());
    busy_ = std::move(left);
    claims_.erase(claim);
}

bool CompactionClaims::busy(FileNumber file) const {
    return std::ranges::binary_search(busy_, file);
}

bool CompactionClaims::output_overlaps(Family family, size_t level, const KeyRange& range) const {
    return std::ranges::any_of(claims_, [&](const Claim& claim) {
        return claim.family == family && claim.level_to == level &&
               std::ranges::any_of(claim.ranges,
                                   [&](const KeyRange& its) { return overlap(its, range); });
    });
}

size_t CompactionClaims::running(Family family, size_t level_from) const {
    return static_cast<size_t>(std::ranges::count_if(claims_, [&](const Claim& claim) {
        return claim.family == family && claim.level_from == level_from;
    }));
}

size_t ingest_level(const Version& version, const CompactionClaims& claims, Family family,
                    const KeyRange& range) {
    size_t level = 0;
    for (size_t candidate = 0; candidate < kLevels; ++candidate) {
        const bool overlaps =
            claims.output_overlaps(family, candidate, range) ||
            std::ranges::any_of(version.files(family, candidate), [&](const TableFileRef& file) {
                return file->meta().overlaps(range.begin, range.end);
            });
        if (overlaps) break;
        level = candidate;
    }
    return level;
}

}  // namespace timber::memtable
