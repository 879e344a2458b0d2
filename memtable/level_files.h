#pragma once
// The files of one level of one family, in the level's order, with what a search needs side by
// side: a search over the files themselves would miss the processor's cache three times a step.
//
// Thread:     immutable, any thread.
// Lifetime:   owners are the versions that show the level as it is (hence shared).
// Invariants: those of Version, V1 and V2.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memtable/file_meta.h"
#include "src/base/result.h"

namespace timber::memtable {

class LevelFiles {
  public:
    // Level 0: newest first, and they may overlap (V1). Deeper ones: by key, and they do not (V2).
    enum class Order : uint8_t { kNewestFirst, kByKey };

    // Takes files in any order. kCorrupted if some overlap that must not.
    static Result<std::shared_ptr<const LevelFiles>> make(Order order,
                                                          std::vector<TableFileRef> files);

    std::span<const TableFileRef> files() const { return files_; }
    // Of `files()`, in the same order.
    std::span<const FileNumber> numbers() const { return numbers_; }
    // Those that hold range removes, in the same order.
    std::span<const TableFileRef> removing() const { return removing_; }
    uint64_t bytes() const { return bytes_; }

    // For levels ordered by key.

    // How many files lie wholly before `key`: also the index of the first one that does not.
    size_t count_before(std::string_view key) const;
    // Those that overlap [begin, end).
    std::span<const TableFileRef> overlapping(std::string_view begin, std::string_view end) const;

  private:
    LevelFiles() = default;

    Status check_apart() const;
    void index_largest();

    std::vector<TableFileRef> files_;
    std::vector<FileNumber> numbers_;
    std::vector<TableFileRef> removing_;
    uint64_t bytes_ = 0;
    // The largest keys begin with `common_`; `heads_` are their next bytes, as numbers that order
    // as they do. A file without an upper limit counts with the greatest head.
    std::string common_;
    std::vector<uint64_t> heads_;
};
using LevelFilesRef = std::shared_ptr<const LevelFiles>;

}  // namespace timber::memtable
