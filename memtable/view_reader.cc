#include "memtable/view_reader.h"

#include <algorithm>

#include "src/base/assert.h"

namespace timber::memtable {
namespace {

enum class Answer : uint8_t { kUnknown, kThere, kNotThere };

class ViewReader {
  public:
    ViewReader(const PointRead& read, PinnedValue& value, const TableAccess& tables)
        : read_(read), value_(value), tables_(tables) {}

    Result<bool> run(const View& view);

  private:
    // True if that settled it. A template, because a pointer to const made from another counts
    // references.
    template <typename MemoryTableRef>
    bool ask(const MemoryTableRef& table);
    Result<bool> ask(const TableFile& file);
    Result<bool> ask_level0(std::span<const TableFileRef> files);
    Result<bool> ask_files(const Version& version);

    bool skipped(Sequence sequence_min, Sequence sequence_max) const {
        return sequence_max < cover_ || sequence_min > read_.visible;
    }
    bool judge(Sequence sequence, EntryKind kind);

    const PointRead& read_;
    PinnedValue& value_;
    const TableAccess& tables_;
    Sequence cover_;  // the newest range remove that covers the key, so far
    Answer answer_ = Answer::kUnknown;
};

bool ViewReader::judge(Sequence sequence, EntryKind kind) {
    if (sequence < cover_) return false;
    answer_ = kind == EntryKind::kPut ? Answer::kThere : Answer::kNotThere;
    return true;
}

template <typename MemoryTableRef>
bool ViewReader::ask(const MemoryTableRef& table) {
    if (skipped(table->sequence_min(), table->sequence_max())) return false;
    if (table->has_range_removes(read_.family)) [[unlikely]] {
        cover_ = std::max(cover_, table->covering(read_.family, read_.key, read_.visible));
    }
    const auto found = table->find(read_.family, read_.key, read_.visible);
    if (!found || !judge(found->sequence, found->kind)) return false;
    if (answer_ == Answer::kThere) value_.pin(found->value, table);
    return true;
}

Result<bool> ViewReader::ask(const TableFile& file) {
    const FileMeta& meta = file.meta();
    if (skipped(meta.sequence_min, meta.sequence_max)) return false;
    if (meta.range_removes > 0) [[unlikely]] {
        const Sequence cover = tables_.range_removes(file).covering(read_.key, read_.visible);
        cover_ = std::max(cover_, cover);
        // The file's own remove may be its newest.
        if (meta.entries == 0 || meta.sequence_max < cover_) return false;
    }
    TIMBER_TRY(const auto found,
               tables_.find(file, read_.key, read_.visible, read_.options, value_));
    return found && judge(found->sequence, found->kind);
}

Result<bool> ViewReader::ask_level0(std::span<const TableFileRef> files) {
    for (const TableFileRef& file : files) {
        if (!file->meta().contains(read_.key)) continue;
        TIMBER_TRY(const bool settled, ask(*file));
        if (settled) return true;
    }
    return false;
}

Result<bool> ViewReader::ask_files(const Version& version) {
    TIMBER_TRY(bool settled, ask_level0(version.files(read_.family, 0)));
    for (size_t level = 1; level < kLevels && !settled; ++level) {
        const TableFile* const file = version.file_for(read_.family, level, read_.key);
        if (file == nullptr) continue;
        TIMBER_TRY(settled, ask(*file));
    }
    return settled;
}

Result<bool> ViewReader::run(const View& view) {
    value_.clear();
    bool settled = ask(view.active);
    for (const auto& table : view.sealed) {
        if (settled) break;
        settled = ask(table);
    }
    if (!settled) {
        TIMBER_TRY(settled, ask_files(*view.version));
    }
    if (answer_ != Answer::kThere) value_.clear();
    return answer_ == Answer::kThere;
}

}  // namespace

Result<bool> read_view(const View& view, const PointRead& read, PinnedValue& value,
                       const TableAccess& tables) {
    return ViewReader(read, value, tables).run(view);
}

}  // namespace timber::memtable
