#include "memtable/range_statistics.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace timber::memtable {
namespace {

// Of a memory table; a few hundred bytes of error in a thousand do not matter here.
constexpr size_t kSampleKeysMin = 32;
// Files are cut for the middle key until a piece is at most one in so many of the whole.
constexpr uint64_t kPiecesMin = 32;

// What a view has in a range, looked at once.
class RangeContents {
  public:
    RangeContents(const View& view, Family family, const KeyRange& range,
                  const TableAccess& tables);

    // Of the range.
    uint64_t bytes() const { return bytes_before(range_.end); }
    // Of its part before a key; an empty key is the end of all.
    uint64_t bytes_before(std::string_view key) const;
    // Keys that may split it, sorted.
    std::vector<std::string> split_keys() const;

  private:
    uint64_t bytes_between(const TableFile& file, std::string_view begin,
                           std::string_view end) const;
    void split(const TableFile& file, std::string_view begin, std::string_view end,
               uint64_t piece_bytes_max, std::vector<std::string>& keys) const;

    const KeyRange& range_;
    const TableAccess& tables_;
    std::vector<MemoryTable::Sample> samples_;
    std::vector<const TableFile*> files_;
};

RangeContents::RangeContents(const View& view, Family family, const KeyRange& range,
                             const TableAccess& tables)
    : range_(range), tables_(tables) {
    const auto sample = [&](const MemoryTable& table) {
        samples_.push_back(table.sample(family, range.begin, range.end, kSampleKeysMin));
    };
    sample(*view.active);
    for (const auto& table : view.sealed) sample(*table);
    for (size_t level = 0; level < kLevels; ++level) {
        for (const TableFileRef& file : view.version->files(family, level))
            if (file->meta().overlaps(range.begin, range.end)) files_.push_back(file.get());
    }
}

uint64_t RangeContents::bytes_between(const TableFile& file, std::string_view begin,
                                      std::string_view end) const {
    const FileMeta& meta = file.meta();
    const bool to_end = end.empty() || !meta.reaches(end);
    const uint64_t last = to_end ? meta.file_bytes : tables_.offset_of(file, end);
    const uint64_t first = begin <= meta.smallest ? 0 : tables_.offset_of(file, begin);
    return last - std::min(first, last);
}

uint64_t RangeContents::bytes_before(std::string_view key) const {
    uint64_t bytes = 0;
    for (const MemoryTable::Sample& sample : samples_) {
        const auto before = std::ranges::partition_point(
            sample.keys, [key](const std::string& other) { return before_end(other, key); });
        bytes += static_cast<uint64_t>(before - sample.keys.begin()) * sample.bytes_each;
    }
    for (const TableFile* file : files_)
        if (before_end(file->meta().smallest, key))
            bytes += bytes_between(*file, range_.begin, key);
    return bytes;
}

void RangeContents::split(const TableFile& file, std::string_view begin, std::string_view end,
                          uint64_t piece_bytes_max, std::vector<std::string>& keys) const {
    if (bytes_between(file, begin, end) <= piece_bytes_max) return;
    const std::optional<std::string> middle = tables_.middle_key(file, begin, end);
    if (!middle || *middle <= begin || !before_end(*middle, end)) return;
    keys.push_back(*middle);
    split(file, begin, *middle, piece_bytes_max, keys);
    split(file, *middle, end, piece_bytes_max, keys);
}

std::vector<std::string> RangeContents::split_keys() const {
    std::vector<std::string> keys;
    const uint64_t piece_bytes_max = bytes() / kPiecesMin;
    for (const TableFile* file : files_) {
        keys.push_back(file->meta().smallest);
        split(*file, range_.begin, range_.end, piece_bytes_max, keys);
    }
    for (const MemoryTable::Sample& sample : samples_)
        std::ranges::copy(sample.keys, std::back_inserter(keys));
    std::erase_if(keys, [this](const std::string& key) {
        return key <= range_.begin || !before_end(key, range_.end);
    });
    std::ranges::sort(keys);
    keys.erase(std::ranges::unique(keys).begin(), keys.end());
    return keys;
}

}  // namespace

uint64_t approximate_bytes(const View& view, Family family, const KeyRange& range,
                           const TableAccess& tables) {
    if (!before_end(range.begin, range.end)) return 0;
    return RangeContents(view, family, range, tables).bytes();
}

std::optional<std::string> middle_key(const View& view, Family family, const KeyRange& range,
                                      const TableAccess& tables) {
    if (!before_end(range.begin, range.end)) return std::nullopt;
    const RangeContents contents(view, family, range, tables);
    const uint64_t whole = contents.bytes();
    std::vector<std::string> keys = contents.split_keys();
    // The first key with at least half before it, or the one before that, whichever is nearer.
    const auto beyond = std::ranges::partition_point(
        keys, [&](const std::string& key) { return contents.bytes_before(key) < whole / 2; });
    std::optional<std::string> best;
    uint64_t best_distance = UINT64_MAX;
    for (auto key = beyond == keys.begin() ? beyond : beyond - 1;
         key != keys.end() && key <= beyond; ++key) {
        const uint64_t before = contents.bytes_before(*key);
        if (before == 0 || before >= whole) continue;
        const uint64_t distance = before > whole / 2 ? before - whole / 2 : whole / 2 - before;
        if (distance < best_distance) best = *key;
        best_distance = std::min(best_distance, distance);
    }
    return best;
}

}  // namespace timber::memtable
