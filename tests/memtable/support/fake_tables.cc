#include "tests/memtable/support/fake_tables.h"

#include <algorithm>

namespace timber::memtable {
namespace {

void widen(FileMeta& meta, Sequence sequence) {
    if (meta.sequence_min == Sequence() || sequence < meta.sequence_min)
        meta.sequence_min = sequence;
    meta.sequence_max = std::max(meta.sequence_max, sequence);
}

FileMeta meta_of(const TableContents& contents, const RangeRemoveSet& removes) {
    FileMeta meta;
    meta.entries = contents.entries.size();
    for (const auto& [key, value] : contents.entries) {
        widen(meta, sequence_of(key));
        meta.file_bytes += key.size() + value.size();
        meta.removes += kind_of(key) == EntryKind::kRemove;
    }
    if (!contents.entries.empty()) {
        meta.smallest = user_key_of(contents.entries.front().first);
        meta.largest = user_key_of(contents.entries.back().first);
    }
    if (removes.empty()) return meta;
    for (const auto& fragment : removes.fragments()) {
        meta.range_removes += fragment.sequences.size();
        for (const Sequence sequence : fragment.sequences) widen(meta, sequence);
    }
    const std::string& begin = removes.fragments().front().begin;
    const std::string& end = removes.fragments().back().end;
    if (contents.entries.empty() || begin < meta.smallest) meta.smallest = begin;
    if (contents.entries.empty() || before_end(meta.largest, end)) {
        meta.largest = end;
        meta.largest_exclusive = true;
    }
    return meta;
}

}  // namespace

VersionRef version_of(const std::vector<std::pair<size_t, TableFileRef>>& files) {
    VersionEdit edit;
    edit.sequence_last = Sequence();
    edit.file_next = FileNumber(1);
    std::map<FileNumber, TableFileRef> by_number;
    for (const auto& [level, file] : files) {
        const FileMeta& meta = file->meta();
        edit.added.push_back({static_cast<uint8_t>(level), meta});
        edit.sequence_last = std::max(*edit.sequence_last, meta.sequence_max);
        edit.file_next = std::max(*edit.file_next, meta.number + 1);
        by_number[meta.number] = file;
    }
    return *Version().apply(edit, [&](const FileMeta& meta) -> Result<TableFileRef> {
        return by_number.at(meta.number);
    });
}

TableFileRef FakeTables::add(Family family, TableContents contents) {
    Table table;
    table.removes = RangeRemoveSet(contents.removes);
    FileMeta meta = meta_of(contents, table.removes);
    meta.number = FileNumber(tables_.size() + 1);
    meta.id = {1, meta.number.value()};
    meta.family = family;
    TIMBER_ASSERT(meta.entries + meta.range_removes > 0);
    table.entries = std::move(contents.entries);
    table.file = std::make_shared<TableFile>(meta, nullptr, nullptr);
    return tables_.emplace(meta.number, std::move(table)).first->second.file;
}

const FakeTables::Table& FakeTables::table_of(const TableFile& file) const {
    return tables_.at(file.meta().number);
}

Status FakeTables::read(const TableFile& file, size_t block) const {
    if (fail_after_ == 0u) return make_error(fail_code_, "as the test wants it");
    if (fail_after_) --*fail_after_;
    touched_.blocks.emplace(file.meta().number.value(), block);
    return {};
}

std::unique_ptr<EntryIterator> FakeTables::new_iterator(const TableFile& file,
                                                        const TableReadOptions& options) const {
    touched_.files.insert(file.meta().number.value());
    return std::make_unique<VectorIterator>(
        table_of(file).entries, entries_per_block_,
        [this, &file](size_t block) { return read(file, block); }, options.lower, options.upper);
}

Result<std::optional<TableReader::Found>> FakeTables::find(const TableFile& file,
                                                           std::string_view key, Sequence visible,
                                                           const TableReadOptions& options,
                                                           PinnedValue& value) const {
    ++touched_.finds;
    const std::unique_ptr<EntryIterator> iterator = new_iterator(file, options);
    std::string target;
    append_internal_key(target, key, visible, kKindForSeek);
    iterator->seek(target);
    TIMBER_CHECK(iterator->status());
    if (!iterator->valid() || user_key_of(iterator->key()) != key)
        return std::optional<TableReader::Found>();
    auto kept = std::make_shared<const std::string>(iterator->value());
    value.pin(*kept, kept);
    return std::optional(
        TableReader::Found{sequence_of(iterator->key()), kind_of(iterator->key())});
}

const RangeRemoveSet& FakeTables::range_removes(const TableFile& file) const {
    return table_of(file).removes;
}

uint64_t FakeTables::offset_of(const TableFile& file, std::string_view key) const {
    uint64_t offset = 0;
    for (const auto& [internal_key, value] : table_of(file).entries) {
        if (user_key_of(internal_key) >= key) break;
        offset += internal_key.size() + value.size();
    }
    return offset;
}

std::optional<std::string> FakeTables::middle_key(const TableFile& file, std::string_view begin,
                                                  std::string_view end) const {
    std::vector<std::string_view> keys;
    for (const auto& [internal_key, value] : table_of(file).entries) {
        const std::string_view key = user_key_of(internal_key);
        if (key > begin && before_end(key, end)) keys.push_back(key);
    }
    if (keys.size() < 2) return std::nullopt;
    return std::string(keys[keys.size() / 2]);
}

}  // namespace timber::memtable
