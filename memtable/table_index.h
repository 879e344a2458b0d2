#pragma once
// The index of a table file: for each data block where it begins, and a separator: at or behind the
// block's last key, before the next block's first one.
//
// A separator is a user key, as short as it can be. Where a user key's versions go on from one
// block to the next no user key lies between; then the separator is exact: the block's last
// internal key, so that a search for an old version goes straight to its block.
//
// On disk separators share prefixes with their predecessors. In memory they are searched by the
// eight bytes behind what all have in common, in one array of numbers; only where these are equal
// are separators compared as a whole.
//
// Thread:     the builder belongs to one; TableIndex is immutable, any thread.
// Invariants: TI1  separators do not descend; equal ones are exact, their trailers descending, but
//                  for the last, which need not be exact.
//             TI2  offsets ascend strictly, from 0 to the end of the data blocks.
// Failure:    decode() is total.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "memtable/types.h"
#include "src/base/bytes.h"
#include "src/base/result.h"

namespace timber::memtable {

class TableIndexBuilder {
  public:
    // A block of so many bytes in the file, padding included, a multiple of kBlockAlignment. Its
    // last internal key, and the next block's first; nothing for the last block.
    void add(uint64_t bytes, std::string_view last, std::optional<std::string_view> next);
    size_t blocks() const { return blocks_; }
    size_t bytes() const { return entries_.size() + kVarintsBytes; }
    // The payload of the index block.
    std::vector<std::byte> finish() const;

  private:
    static constexpr size_t kVarintsBytes = 20;

    void append(std::string_view separator, std::optional<uint64_t> trailer, uint64_t bytes);

    std::vector<std::byte> entries_;
    std::string separator_last_;
    size_t blocks_ = 0;
    uint64_t separator_bytes_ = 0;
};

class TableIndex {
  public:
    // Of a file whose data blocks end at `data_bytes`.
    static Result<TableIndex> decode(ByteView payload, uint64_t data_bytes);

    size_t blocks() const { return blocks_; }
    uint64_t offset(size_t block) const { return uint64_t{offsets_[block]} * kOffsetUnitBytes; }
    // With its padding.
    uint64_t bytes(size_t block) const { return offset(block + 1) - offset(block); }
    // The block that holds the first entry at or behind (user_key, trailer), if any entry of
    // `user_key` is; blocks() if all entries lie before. The first entry may be the next block's if
    // it is of another user key.
    size_t find(std::string_view user_key, uint64_t trailer) const;
    std::string separator(size_t block) const;
    size_t memory_bytes() const;

  private:
    // The separator of `block` goes on with this trailer.
    struct Exact {
        uint32_t block;
        uint64_t trailer;
    };
    static constexpr uint64_t kOffsetUnitBytes = 8;

    // What its separator has behind common_.
    std::string_view rest(size_t block) const {
        return std::string_view(rests_).substr(rest_ends_[block],
                                               rest_ends_[block + 1] - rest_ends_[block]);
    }
    Status append(std::string_view separator);
    size_t find_rest(std::string_view user_key_rest) const;
    void strip_common(const std::vector<std::string_view>& separators);
    const Exact* exact(size_t block) const;

    size_t blocks_ = 0;
    std::string common_;
    std::vector<uint64_t> prefixes_;
    std::vector<uint32_t> rest_ends_;  // one more than blocks: each begins where the last ended
    std::string rests_;
    std::vector<uint32_t> offsets_;  // in kOffsetUnitBytes, one more than blocks
    std::vector<Exact> exacts_;      // by block
};

// The shortest key that is at or behind `left` and before `right`, which lies behind it.
std::string shortest_separator(std::string_view left, std::string_view right);

}  // namespace timber::memtable
