#pragma once
// Moves over the entries of one open table: block by block, from the cache or, once it walks on
// over blocks that are not there, through windows of reads that grow.
//
// Thread:   as EntryIterator; after settle() the next call may come from another thread.
// Lifetime: the table outlives it. It waits for its reads before it goes.
// Failure:  as EntryIterator; a block that is not in memory is kBusy with cache_only.
#include <optional>
#include <string>
#include <vector>

#include "memtable/data_block_cursor.h"
#include "memtable/iterator.h"
#include "memtable/open_table.h"
#include "memtable/read_ahead.h"

namespace timber::memtable {

class TableIterator final : public EntryIterator {
  public:
    enum class Source { kCacheOrFile, kFile };

    TableIterator(const OpenTable& table, const TableReadOptions& options,
                  Source source = Source::kCacheOrFile);

    void seek_to_first() override;
    void seek_to_last() override;
    void seek(std::string_view target) override;
    void seek_for_prev(std::string_view target) override;
    void next() override;
    void prev() override;
    Status status() const override;
    void prepare_seek(std::string_view target) override;
    void settle() override { ahead_.settle(); }

    // Of a valid one: where its block begins in the file.
    uint64_t block_offset() const { return table_.index().offset(block_); }

  private:
    // How the block to enter was come to.
    enum class Way { kJump, kForward, kBack };

    void show();
    void fail(Error error);
    void leave();
    // The block for an internal key, in the file's own sequences.
    size_t block_for(std::string_view target) const;
    // Makes the block the current one, its cursor before the first entry. False if it failed.
    bool enter(size_t block, Way way);
    Result<DataBlock> load(size_t block, Way way);
    Result<DataBlock> load_from_window(size_t block, Way way);
    void ask(size_t block, Way way);
    void ask_ahead(size_t block, Way way);
    void enter_next();
    void enter_previous();

    const OpenTable& table_;
    const TableReadOptions options_;
    const Source source_;
    ReadAhead ahead_;
    DataBlockCursor cursor_;
    // The bounds of the options: blocks before and behind these are of no use.
    size_t block_first_ = 0;
    size_t block_last_ = SIZE_MAX;
    size_t block_ = 0;
    BlockRef held_;             // the content of the current block, if it is the cache's
    std::vector<char> buffer_;  // the same, if it was decompressed for this iterator alone
    size_t windows_ = 0;        // that were asked for since the last jump
    std::optional<size_t> prepared_block_;
    BlockRef prepared_;
    std::optional<Error> error_;
};

}  // namespace timber::memtable
