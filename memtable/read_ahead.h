#pragma once
// Reads of neighbouring data blocks for one iterator: a few windows, each one read, asked for ahead
// and waited for when a block in it is needed.
//
// Thread:     jobs, one at a time; between settle() and the next call the thread may change.
// Lifetime:   the table outlives it. It waits for its reads before it goes.
// Memory:     two windows.
// Invariants: RA1  a window's blocks are neighbours, and its buffer holds all of them.
#include <array>
#include <optional>

#include "memtable/open_table.h"
#include "src/base/aligned_buffer.h"
#include "src/base/io/disk.h"

namespace timber::memtable {

class ReadAhead {
  public:
    explicit ReadAhead(const OpenTable& table) : table_(table) {}
    ~ReadAhead() { settle(); }
    ReadAhead(const ReadAhead&) = delete;
    ReadAhead& operator=(const ReadAhead&) = delete;

    // Whether `block` was asked for.
    bool holds(size_t block) const;
    // What is stored in the place of `block`, which it holds: waits for it. Good until ask() is
    // called again but once.
    Result<ByteView> stored(size_t block);
    // The block behind the window of `block` (before it, if going back), if there is one and it was
    // not asked for yet.
    std::optional<size_t> next_unasked(size_t block, bool forward);
    // Whether most of its window lies behind `block`, which it holds (before it, if forward).
    bool in_second_half(size_t block, bool forward) const;
    // Asks for the blocks from `block` on, forward or back, `bytes` of them or a single one. The
    // window that was asked for longest ago is given up.
    void ask(size_t block, bool forward, size_t bytes);
    void settle();

  private:
    struct Window {
        AlignedBuffer buffer;
        IoOp op;
        bool waiting = false;  // the operation was submitted and not waited for
        size_t first = 0;      // blocks
        size_t end = 0;        // none if this is not behind `first`
        uint64_t offset = 0;   // of the buffer's start in the file

        bool holds(size_t block) const { return block >= first && block < end; }
    };

    Window* window_of(size_t block);
    void wait(Window& window);

    const OpenTable& table_;
    std::array<Window, 2> windows_;
    size_t oldest_ = 0;
};

}  // namespace timber::memtable
