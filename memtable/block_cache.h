#pragma once
// Blocks of table files in memory, shared by all tables of a store; those that were found least
// often of late go first.
//
// A block is known by its table's cache id and its offset. Cache ids are given out by the cache, a
// fresh one for every opened table, because file numbers and identities can come back (a file that
// was replaced must not be answered with its predecessor's blocks).
// What cannot be evicted, the indexes and filters of open tables, is reserved: it counts towards
// the limit, and blocks make room for it.
//
// Thread:     any. Sharded by hash; no lock is held over I/O.
// Lifetime:   a block that was handed out lives on as long as somebody holds it, evicted or not.
// Invariants: BC1  bytes in use (blocks and reservations) are at most the limit, or no block is
//                  left to evict.
//             BC2  a block is in the cache under one key at most, and its bytes never change.
#include <cstdint>
#include <memory>
#include <vector>

#include "src/base/bytes.h"
#include "src/base/strong_id.h"

namespace timber::memtable {

using CacheId = StrongId<struct CacheIdTag, uint64_t>;

// The decompressed and verified content of a block.
struct Block {
    const char* data = nullptr;
    size_t bytes = 0;

    std::string_view view() const { return {data, bytes}; }
};
// Owners are the cache and every reader that looks at the block: whoever is last frees it.
using BlockRef = std::shared_ptr<const Block>;

// A block to be filled in: its content lies behind the owners' count in one piece of memory, so
// that taking it and looking at its start costs one miss of the processor's cache and not three.
struct NewBlock {
    BlockRef block;
    MutableBytes content;
};
NewBlock make_block(size_t bytes);

class BlockCache {
  public:
    struct Stats {
        size_t bytes_max = 0;
        size_t bytes = 0;           // of blocks
        size_t bytes_reserved = 0;  // of indexes and filters
        uint64_t blocks = 0;
        uint64_t hits = 0;
        uint64_t misses = 0;
        uint64_t inserts = 0;
        uint64_t evictions = 0;
    };

    explicit BlockCache(size_t bytes_max);
    ~BlockCache();

    CacheId new_id();
    // Nothing if it is not there.
    BlockRef find(CacheId id, uint64_t offset);
    void insert(CacheId id, uint64_t offset, BlockRef block);
    // Forgets a table's blocks, soon or as they fall out.
    void forget(CacheId id);

    void reserve(size_t bytes);
    void release(size_t bytes);

    Stats stats() const;
    void check_invariants() const;

  private:
    class Core;
    std::unique_ptr<Core> core_;
};

}  // namespace timber::memtable
