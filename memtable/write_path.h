#pragma once
// The way of a batch into memory: the active memory table, the sealed ones that wait for their
// flush, and the sequences.
//
// Thread:     the loop.
// Lifetime:   the tables are shared with the views that show them.
// Invariants: WP1  sequences are given out once and in order; next() is behind every one in use.
//             WP2  sealed tables are in the order of their sequences, and none is empty.
//             WP3  a batch lies in one memory table as a whole.
//             WP4  while an ingest has reserved sequences, no batch reaches them.
// Failure:    a batch is refused before anything of it is applied.
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "memtable/memory_table.h"
#include "memtable/options.h"
#include "memtable/write_batch.h"
#include "src/base/random.h"

namespace timber::memtable {

struct SealedTable {
    std::shared_ptr<const MemoryTable> table;
    // Everything up to here is in it, in older tables or in files.
    Sequence last;
    // What the owner said when it was sealed.
    LogMark log_floor;
    size_t memory_bytes = 0;  // at that moment; what readers make of it later is little
};

class WritePath {
  public:
    WritePath(const Options& options, Sequence last, uint64_t seed);

    // Adds the batch, which is within the limits, to the active table; gives its last sequence.
    // kBusy: the memory is full, or an ingest's sequences are too near.
    Result<Sequence> apply(const WriteBatch& batch);
    // The active table has its size, and should be sealed.
    bool active_full() const { return active_->memory_bytes() >= options_.memory_table_bytes; }
    // Sealed tables leave room for one more.
    bool may_seal() const { return sealed_.size() < options_.memory_tables_sealed_max; }
    // Whether a batch would be refused for want of memory.
    bool full() const;

    // The active table, which is not empty, waits for its flush from now on.
    void seal(LogMark log_floor);
    // The oldest `count` sealed tables are in files.
    void drop_flushed(size_t count);

    // Two sequences, far enough ahead that batches do not reach them before take_reserved(). One
    // reservation at a time.
    Sequence reserve();
    // The reserved ones are used now: the next batch comes after them.
    void take_reserved();
    void cancel_reserved() { reserved_.reset(); }

    MemoryTable& active() { return *active_; }
    const MemoryTable& active() const { return *active_; }
    const std::shared_ptr<MemoryTable>& active_ref() const { return active_; }
    // Oldest first.
    const std::deque<SealedTable>& sealed() const { return sealed_; }
    // For a view: newest first.
    std::vector<std::shared_ptr<const MemoryTable>> sealed_for_view() const;

    Sequence next() const { return next_; }
    Sequence last() const { return next_ - 1; }
    size_t memory_bytes() const { return sealed_bytes_ + active_->memory_bytes(); }
    // What tables may take together; 0: no limit but their number.
    void set_memory_bytes_max(size_t bytes) { memory_bytes_max_ = bytes; }

    uint64_t batches() const { return batches_; }
    uint64_t operations() const { return operations_; }
    uint64_t user_bytes() const { return user_bytes_; }
    void check_invariants() const;

    // How far ahead an ingest's sequences are: more than can be written while one edit of the
    // manifest is made durable, and little of the 56 bits.
    static constexpr uint64_t kReserveAhead = uint64_t{1} << 24;

  private:
    const Options& options_;
    Random random_;
    std::shared_ptr<MemoryTable> active_;
    std::deque<SealedTable> sealed_;
    size_t sealed_bytes_ = 0;
    size_t memory_bytes_max_ = 0;
    Sequence next_;
    std::optional<Sequence> reserved_;
    uint64_t batches_ = 0;
    uint64_t operations_ = 0;
    uint64_t user_bytes_ = 0;
};

}  // namespace timber::memtable
