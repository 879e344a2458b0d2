#include "memtable/version.h"

#include <algorithm>
#include <utility>

#include "src/base/assert.h"

namespace timber::memtable {

namespace {

Error misfit(std::string detail) {
    return make_error(ErrorCode::kCorrupted, "the edit " + std::move(detail));
}
Error misfit(FileNumber number, const char* what) {
    return misfit("adds file " + std::to_string(number.value()) + " " + what);
}

LevelFiles::Order order_of(size_t level) {
    return level == 0 ? LevelFiles::Order::kNewestFirst : LevelFiles::Order::kByKey;
}

// What a file says of itself, all by itself.
Status check_file(const FileMeta& file) {
    const bool some_range = file.largest_exclusive ? before_end(file.smallest, file.largest)
                                                   : file.smallest <= file.largest;
    if (!some_range) return misfit(file.number, "with an empty range of keys");
    if (file.sequence_min > file.sequence_max)
        return misfit(file.number, "with an empty range of sequences");
    if (file.sequence_override && (file.sequence_min != *file.sequence_override ||
                                   file.sequence_max != *file.sequence_override))
        return misfit(file.number, "with other sequences than its override");
    if (file.removes > file.entries) return misfit(file.number, "with more removes than entries");
    if (file.entries == 0 && file.range_removes == 0) return misfit(file.number, "with nothing");
    return {};
}

}  // namespace

// An edit, sorted by where it applies.
struct Version::Changes {
    struct Level {
        std::vector<FileNumber> removed;
        // The level's files, then without the removed ones, then with the added ones.
        std::vector<TableFileRef> files;
        bool changed = false;
    };

    Level& at(Family family, size_t level) { return levels[index_of(family)][level]; }

    std::array<std::array<Level, kLevels>, kFamilies> levels;
    // Sorted by number: what was taken out, of which some only moves.
    std::vector<TableFileRef> removed;
};

uint64_t Version::level_bytes(Family family, size_t level) const {
    const LevelFilesRef& files = levels_[index_of(family)][level];
    return files == nullptr ? 0 : files->bytes();
}

size_t Version::file_count() const {
    size_t count = 0;
    for (const Family family : kAllFamilies) {
        for (size_t level = 0; level < kLevels; ++level) count += files(family, level).size();
    }
    return count;
}

std::span<const TableFileRef> Version::overlapping_sorted(Family family, size_t level,
                                                          std::string_view begin,
                                                          std::string_view end) const {
    TIMBER_ASSERT_OP(level, >, 0u);
    const LevelFilesRef& files = levels_[index_of(family)][level];
    return files == nullptr ? std::span<const TableFileRef>() : files->overlapping(begin, end);
}

std::vector<TableFileRef> Version::overlapping(Family family, size_t level, std::string_view begin,
                                               std::string_view end) const {
    std::vector<TableFileRef> found;
    if (level > 0) {
        const auto sorted = overlapping_sorted(family, level, begin, end);
        found.assign(sorted.begin(), sorted.end());
    } else {
        std::ranges::copy_if(
            files(family, level), std::back_inserter(found),
            [&](const TableFileRef& file) { return file->meta().overlaps(begin, end); });
    }
    return found;
}

const TableFile* Version::file_for(Family family, size_t level, std::string_view key) const {
    TIMBER_ASSERT_OP(level, >, 0u);
    const LevelFilesRef& files = levels_[index_of(family)][level];
    if (files == nullptr) return nullptr;
    const size_t index = files->count_before(key);
    if (index == files->files().size()) return nullptr;
    const TableFile* file = files->files()[index].get();
    return file->meta().smallest <= key ? file : nullptr;
}

Status Version::take_marks(const VersionEdit& edit) {
    const Sequence last = edit.sequence_last.value_or(sequence_last_);
    const Sequence flushed = edit.flushed.value_or(flushed_);
    const FileNumber next = edit.file_next.value_or(file_next_);
    if (last < sequence_last_) return misfit("takes the last sequence back");
    if (flushed < flushed_) return misfit("takes the flushed sequence back");
    if (next < file_next_) return misfit("takes the next file number back");
    if (flushed > last) return misfit("has flushed more than there is (V5)");
    sequence_last_ = last;
    flushed_ = flushed;
    file_next_ = next;
    log_floor_ = edit.log_floor.value_or(log_floor_);
    return {};
}

// Takes the files named in `changes` out of a level.
Status Version::take_removed(Family family, size_t level, Changes& changes) const {
    Changes::Level& change = changes.at(family, level);
    std::ranges::sort(change.removed);
    size_t taken = 0;
    change.files.reserve(files(family, level).size());
    for (const TableFileRef& file : files(family, level)) {
        if (std::ranges::binary_search(change.removed, file->meta().number)) {
            changes.removed.push_back(file);
            ++taken;
        } else {
            change.files.push_back(file);
        }
    }
    // Also if it names one twice.
    if (taken != change.removed.size())
        return misfit("removes files from level " + std::to_string(level) + " of family " +
                      std::string(to_string(family)) + " that are not there");
    return {};
}

// V3, before the added files are put in their places.
Status Version::check_numbers(const VersionEdit& edit, Changes& changes) const {
    std::vector<FileNumber> added;
    added.reserve(edit.added.size());
    for (const VersionEdit::Added& each : edit.added) added.push_back(each.file.number);
    std::ranges::sort(added);
    const auto twin = std::ranges::adjacent_find(added);
    if (twin != added.end()) return misfit(*twin, "twice (V3)");
    std::optional<FileNumber> present;
    const auto look_at = [&](FileNumber number) {
        if (std::ranges::binary_search(added, number)) present = number;
    };
    for (const Family family : kAllFamilies) {
        for (size_t level = 0; level < kLevels && !added.empty(); ++level) {
            const Changes::Level& change = changes.at(family, level);
            const LevelFilesRef& unchanged = levels_[index_of(family)][level];
            if (change.changed) {
                for (const TableFileRef& file : change.files) look_at(file->meta().number);
            } else if (unchanged != nullptr) {
                for (const FileNumber number : unchanged->numbers()) look_at(number);
            }
        }
    }
    if (present) return misfit(*present, "which is there already (V3)");
    return {};
}

// Puts the added files where they belong.
Status Version::put_in(const VersionEdit& edit, const OpenFile& open, Changes& changes) const {
    const auto number_of = [](const TableFileRef& file) { return file->meta().number; };
    std::ranges::sort(changes.removed, {}, number_of);
    for (const VersionEdit::Added& added : edit.added) {
        const FileMeta& meta = added.file;
        TIMBER_CHECK(check_file(meta));
        if (meta.sequence_max > sequence_last_)
            return misfit(meta.number, "with a sequence behind the last (V4)");
        if (meta.number >= file_next_) return misfit(meta.number, "which was never given out");
        Changes::Level& change = changes.at(meta.family, added.level);
        const auto moved = std::ranges::lower_bound(changes.removed, meta.number, {}, number_of);
        if (moved == changes.removed.end() || (*moved)->meta().number != meta.number) {
            TIMBER_TRY(TableFileRef file, open(meta));
            TIMBER_ASSERT(file->meta() == meta);
            change.files.push_back(std::move(file));
        } else if ((*moved)->meta() == meta) {
            change.files.push_back(*moved);
        } else {
            return misfit(meta.number, "in the place of another with its number");
        }
    }
    return {};
}

Status Version::take_out(const VersionEdit& edit, Changes& changes) const {
    for (const VersionEdit::Removed& removed : edit.removed) {
        if (removed.level >= kLevels) return misfit("removes from a level that does not exist");
        Changes::Level& change = changes.at(removed.family, removed.level);
        change.removed.push_back(removed.number);
        change.changed = true;
    }
    for (const VersionEdit::Added& added : edit.added) {
        if (added.level >= kLevels)
            return misfit(added.file.number, "to a level that does not exist");
        changes.at(added.file.family, added.level).changed = true;
    }
    for (const Family family : kAllFamilies) {
        for (size_t level = 0; level < kLevels; ++level) {
            if (changes.at(family, level).changed)
                TIMBER_CHECK(take_removed(family, level, changes));
        }
    }
    return {};
}

Status Version::rebuild_levels(Changes& changes) {
    for (const Family family : kAllFamilies) {
        for (size_t level = 0; level < kLevels; ++level) {
            Changes::Level& change = changes.at(family, level);
            if (!change.changed) continue;
            LevelFilesRef& made = levels_[index_of(family)][level];
            made = nullptr;
            if (change.files.empty()) continue;
            TIMBER_TRY(made, LevelFiles::make(order_of(level), std::move(change.files)));
        }
    }
    return {};
}

Result<std::shared_ptr<const Version>> Version::apply(const VersionEdit& edit,
                                                      const OpenFile& open) const {
    auto next = std::make_shared<Version>(*this);
    TIMBER_CHECK(next->take_marks(edit));
    Changes changes;
    TIMBER_CHECK(take_out(edit, changes));
    TIMBER_CHECK(check_numbers(edit, changes));
    TIMBER_CHECK(next->put_in(edit, open, changes));
    TIMBER_CHECK(next->rebuild_levels(changes));
    TIMBER_CHECK_SLOW((next->check_invariants(), true));
    return std::shared_ptr<const Version>(std::move(next));
}

VersionEdit Version::snapshot_edit() const {
    VersionEdit edit;
    edit.added.reserve(file_count());
    for (const Family family : kAllFamilies) {
        for (size_t level = 0; level < kLevels; ++level) {
            for (const TableFileRef& file : files(family, level))
                edit.added.push_back({static_cast<uint8_t>(level), file->meta()});
        }
    }
    edit.flushed = flushed_;
    edit.log_floor = log_floor_;
    edit.sequence_last = sequence_last_;
    edit.file_next = file_next_;
    return edit;
}

void Version::check_invariants() const {
    std::vector<FileNumber> numbers;
    for (const Family family : kAllFamilies) {
        for (size_t level = 0; level < kLevels; ++level) {
            const auto shown = files(family, level);
            for (size_t index = 0; index < shown.size(); ++index) {
                const FileMeta& file = shown[index]->meta();
                numbers.push_back(file.number);
                const bool v4 = file.sequence_max <= sequence_last_;
                TIMBER_ASSERT(v4);
                TIMBER_ASSERT(file.family == family);
                TIMBER_ASSERT_OP(file.number, <, file_next_);
                if (index == 0) continue;
                const FileMeta& before = shown[index - 1]->meta();
                const bool v1 =
                    before.sequence_max > file.sequence_max ||
                    (before.sequence_max == file.sequence_max && before.number > file.number);
                const bool v2 = before.smallest < file.smallest && !before.reaches(file.smallest);
                if (level == 0) TIMBER_ASSERT(v1);
                if (level > 0) TIMBER_ASSERT(v2);
            }
        }
    }
    std::ranges::sort(numbers);
    const bool v3 = std::ranges::adjacent_find(numbers) == numbers.end();
    TIMBER_ASSERT(v3);
    const bool v5 = flushed_ <= sequence_last_;
    TIMBER_ASSERT(v5);
}

}  // namespace timber::memtable
