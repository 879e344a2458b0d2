#pragma once
// An open table file: what of it is in memory, and how its data blocks are read.
//
// Thread:   immutable once open; any thread. What reads, from jobs only.
// Lifetime: disk and cache outlive it; its reader and the reader's iterators use it.
// Failure:  errors name file and offset.
#include <memory>
#include <optional>
#include <string>

#include "memtable/block_cache.h"
#include "memtable/data_block.h"
#include "memtable/range_removes.h"
#include "memtable/table_filter.h"
#include "memtable/table_format.h"
#include "memtable/table_index.h"
#include "memtable/table_reader.h"
#include "src/base/aligned_buffer.h"
#include "src/base/io/disk.h"

namespace timber::memtable {

class OpenTable {
  public:
    OpenTable(Disk& disk, std::string path, BlockCache& cache);
    ~OpenTable();

    Status open(const TableReader::Expectation& expectation);

    Disk& disk() const { return disk_; }
    const std::string& path() const { return path_; }
    FileHandle file() const { return *file_; }
    const TableIndex& index() const { return index_; }
    const TableFilter& filter() const { return filter_; }
    const RangeRemoveSet& range_removes() const { return range_removes_; }
    const TableSummary& summary() const { return summary_; }
    std::optional<Sequence> sequence_override() const { return sequence_override_; }
    size_t memory_bytes() const { return memory_bytes_; }

    // What to look for in the file so as to find what a reader at `visible` sees: the greatest
    // trailer; nothing if it sees none of the file.
    std::optional<uint64_t> trailer_sought(Sequence visible) const;

    // The content of data blocks, by their number.
    BlockRef cached(size_t block) const { return cache_.find(cache_id_, index_.offset(block)); }
    void keep(size_t block, BlockRef content) const {
        cache_.insert(cache_id_, index_.offset(block), std::move(content));
    }
    // From the file.
    Result<BlockRef> read(size_t block) const;
    // Verified and decompressed, from what is stored in the block's place.
    Result<BlockRef> unpack(size_t block, ByteView stored) const;
    // The same to `buffer`, or where it lies if it is not compressed.
    Result<ByteView> unpack_to(size_t block, ByteView stored, std::vector<char>& buffer) const;
    // With the sequence override.
    Result<DataBlock> parse(size_t block, std::string_view content) const;
    Error damaged(size_t block, const char* what) const;

  private:
    Status read_meta(const TableReader::Expectation& expectation);
    Status check_identity(const TableFooter& footer,
                          const TableReader::Expectation& expectation) const;
    Result<StoredBlock> open_stored(size_t block, ByteView stored) const;
    // The payload of a block that `meta`, from `meta_offset` of the file on, holds.
    Result<ByteView> meta_block(const BlockHandle& handle, ByteView meta,
                                uint64_t meta_offset) const;
    void override_sequences(Sequence sequence);

    Disk& disk_;
    const std::string path_;
    BlockCache& cache_;
    const CacheId cache_id_;
    std::optional<FileHandle> file_;
    BlockSeed seed_;
    TableIndex index_;
    TableFilter filter_;
    RangeRemoveSet range_removes_;
    TableSummary summary_;
    std::optional<Sequence> sequence_override_;
    size_t memory_bytes_ = 0;
};

// `bytes` from `offset` on, read as direct I/O wants it. Fewer if the file ends there.
class PageRead {
  public:
    Status read(Disk& disk, FileHandle file, std::string_view path, uint64_t offset, size_t bytes);
    ByteView bytes() const { return {buffer_.data() + skip_, bytes_}; }

  private:
    AlignedBuffer buffer_;
    size_t skip_ = 0;
    size_t bytes_ = 0;
};

// The footer of an open file of `file_bytes`, and what was read of the file's end with it.
Result<TableFooter> read_table_footer(Disk& disk, FileHandle file, std::string_view path,
                                      uint64_t file_bytes, PageRead& tail);

}  // namespace timber::memtable
