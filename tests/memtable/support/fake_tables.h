#pragma once
// Table files that are vectors in memory, for reads (TableAccess). They say which files and blocks
// were touched, and fail on demand.
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "memtable/file_meta.h"
#include "memtable/range_removes.h"
#include "memtable/table_access.h"
#include "memtable/version.h"
#include "tests/memtable/support/vector_iterator.h"

namespace timber::memtable {

// What a table is made of.
struct TableContents {
    EntryVector entries;  // in order
    std::vector<RangeRemove> removes;

    bool empty() const { return entries.empty() && removes.empty(); }
};

// A version with these files in these levels.
VersionRef version_of(const std::vector<std::pair<size_t, TableFileRef>>& files);

class FakeTables final : public TableAccess {
  public:
    explicit FakeTables(size_t entries_per_block = SIZE_MAX)
        : entries_per_block_(entries_per_block) {}

    // A file of the contents, which are not empty; with bounds and sequences as they are.
    TableFileRef add(Family family, TableContents contents);
    // What was touched since the last call of forget().
    struct Touched {
        std::set<uint64_t> files;                      // of which an iterator was made
        std::set<std::pair<uint64_t, size_t>> blocks;  // by file and number
        size_t finds = 0;
    };
    const Touched& touched() const { return touched_; }
    void forget() const { touched_ = {}; }

    // The read after so many more of blocks fails, and so do all behind it, until told otherwise.
    void fail_after(std::optional<uint64_t> reads, ErrorCode code = ErrorCode::kCorrupted) const {
        fail_after_ = reads;
        fail_code_ = code;
    }
    bool failed() const { return fail_after_ == 0u; }

    std::unique_ptr<EntryIterator> new_iterator(const TableFile& file,
                                                const TableReadOptions& options) const override;
    Result<std::optional<TableReader::Found>> find(const TableFile& file, std::string_view key,
                                                   Sequence visible,
                                                   const TableReadOptions& options,
                                                   PinnedValue& value) const override;
    const RangeRemoveSet& range_removes(const TableFile& file) const override;
    // As if each entry took its bytes and no more.
    uint64_t offset_of(const TableFile& file, std::string_view key) const override;
    std::optional<std::string> middle_key(const TableFile& file, std::string_view begin,
                                          std::string_view end) const override;

  private:
    struct Table {
        EntryVector entries;
        RangeRemoveSet removes;
        TableFileRef file;
    };

    const Table& table_of(const TableFile& file) const;
    Status read(const TableFile& file, size_t block) const;

    size_t entries_per_block_;
    std::map<FileNumber, Table> tables_;
    mutable Touched touched_;
    mutable std::optional<uint64_t> fail_after_;
    mutable ErrorCode fail_code_ = ErrorCode::kCorrupted;
};

}  // namespace timber::memtable
