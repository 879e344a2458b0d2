#include "tests/memtable/tree_model.h"

#include <algorithm>

#include "memtable/compaction_inputs.h"
#include "memtable/output_cuts.h"
#include "src/base/assert.h"

namespace timber::memtable {

std::string key_text(uint64_t key) {
    std::string text(8, '\0');
    for (size_t at = 0; at < text.size(); ++at)
        text[at] = static_cast<char>(key >> (8 * (text.size() - 1 - at)));
    return text;
}

TreeModel::TreeModel(const Options& options)
    : options_(options), picker_(options_), version_(std::make_shared<Version>()) {}

VersionEdit::Added TreeModel::new_file(size_t level, Keys keys) {
    FileMeta meta;
    meta.number = FileNumber(file_next_++);
    meta.entries = keys.size();
    meta.file_bytes = keys.size() * kEntryBytes;
    meta.smallest = key_text(keys.front());
    meta.largest = key_text(keys.back());
    meta.sequence_max = Sequence(sequence_);
    keys_[meta.number] = std::move(keys);
    return {static_cast<uint8_t>(level), meta};
}

void TreeModel::apply(const VersionEdit& edit) {
    Result<VersionRef> next = version_->apply(edit, [](const FileMeta& meta) {
        return Result<TableFileRef>(std::make_shared<TableFile>(meta, nullptr, nullptr));
    });
    TIMBER_ASSERT(next.ok());
    version_ = *std::move(next);
    version_->check_invariants();
}

void TreeModel::flush(std::vector<uint64_t> keys) {
    std::ranges::sort(keys);
    keys.erase(std::ranges::unique(keys).begin(), keys.end());
    sequence_ += keys.size();
    VersionEdit edit;
    bytes_flushed_ += keys.size() * kEntryBytes;
    edit.added.push_back(new_file(0, std::move(keys)));
    edit.flushed = Sequence(sequence_);
    edit.sequence_last = Sequence(sequence_);
    edit.file_next = FileNumber(file_next_);
    apply(edit);
}

std::vector<TreeModel::Keys> TreeModel::cut(const Keys& merged,
                                            const Compaction& compaction) const {
    const uint64_t target = options_.families[0].table_bytes_target;
    OutputCuts cuts(compaction.grandparents, target, kGrandparentTables * target);
    std::vector<Keys> outputs(1);
    for (uint64_t key : merged) {
        if (compaction.level_to != 0 &&
            cuts.before(key_text(key), outputs.back().size() * kEntryBytes)) {
            outputs.emplace_back();
            cuts.begin();
        }
        outputs.back().push_back(key);
    }
    return outputs;
}

std::optional<uint64_t> TreeModel::compact() {
    std::optional<Compaction> compaction = picker_.pick({version_, claims_});
    if (!compaction.has_value()) return std::nullopt;
    compaction->check_invariants();
    if (compaction->move) {
        VersionEdit edit = compaction->move_edit();
        apply(edit);
        return 0;
    }
    VersionEdit edit;
    Keys merged;
    const auto take = [&](std::span<const TableFileRef> files, uint8_t level) {
        for (const TableFileRef& file : files) {
            const FileNumber number = file->meta().number;
            merged.insert(merged.end(), keys_[number].begin(), keys_[number].end());
            keys_.erase(number);
            edit.removed.push_back({Family::kDefault, level, number});
        }
    };
    take(compaction->inputs_from, compaction->level_from);
    take(compaction->inputs_to, compaction->level_to);
    std::ranges::sort(merged);
    merged.erase(std::ranges::unique(merged).begin(), merged.end());
    const uint64_t written = merged.size() * kEntryBytes;
    for (Keys& keys : cut(merged, *compaction))
        edit.added.push_back(new_file(compaction->level_to, std::move(keys)));
    edit.file_next = FileNumber(file_next_);
    apply(edit);
    bytes_compacted_ += written;
    level_written_[compaction->level_to] += written;
    largest_compaction_ = std::max(largest_compaction_, written);
    return written;
}

void TreeModel::settle() {
    while (compact().has_value()) {
    }
}

size_t TreeModel::keys() const {
    size_t keys = 0;
    for (const auto& [number, content] : keys_) keys += content.size();
    return keys;
}

}  // namespace timber::memtable
