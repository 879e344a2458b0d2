#pragma once
// What a power cut could undo: records in memory that outlives the process which writes them.
//
// The parent maps the memory before it forks, or both map the same file. A child appends a record
// before each change and drops it once the change is durable. Records are there, or are not, after
// SIGKILL at any instruction: a record's bytes are complete before the end moves over it. When a
// half of the memory is full, what was not dropped moves to the other half; what does not fit there
// ends the process with a message, since going on would hide a loss that the test is there to find.
//
// Thread:     one at a time, and one process at a time: the child while it lives, then the parent.
// Lifetime:   made by the parent, used through the fork.
// Invariants: W1  records are in the order of their changes; sequences rise.
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string_view>

#include "src/base/bytes.h"

namespace timber {

enum class PowerCutKind : uint32_t {
    kWrite,    // [offset, offset + length) of `file` was written; `image` held there before
    kResize,   // `file` had old_size; if it shrank, `image` is what was cut off at `offset`
    kDurable,  // [offset, offset + length) of `file` is on stable storage: nothing older returns
    kCreate,   // `path` was made
    kRename,   // `file` went from `path` to `path_to`, where `replaced` (0: nothing) had been
    kRemove,   // `file` was removed from `path`
    kMakeDirectory,
    kRemoveDirectory,
};

struct PowerCutRecord {
    PowerCutKind kind;
    uint64_t file = 0;  // inode
    uint64_t offset = 0;
    uint64_t length = 0;
    uint64_t old_size = 0;
    uint64_t replaced = 0;
    ByteView image = {};  // shorter than `length`: the rest were zeroes
    std::string_view path = {};
    std::string_view path_to = {};
};

// Memory that a program started by exec can map too: an open file, grown as needed.
struct PowerCutMemory {
    int file = -1;      // -1: memory without a file, for children by fork alone
    size_t offset = 0;  // a multiple of the page size
};

class PowerCutLog {
  public:
    using Visitor = std::function<void(uint64_t sequence, const PowerCutRecord&)>;

    // Memory for `bytes` of records twice over, mapped but not touched before it is used.
    explicit PowerCutLog(size_t bytes, PowerCutMemory memory = {});
    ~PowerCutLog();
    PowerCutLog(const PowerCutLog&) = delete;
    PowerCutLog& operator=(const PowerCutLog&) = delete;

    // Sees what another process left: a child at its beginning, the parent after the child's death.
    void attach();

    uint64_t append(const PowerCutRecord& record);
    void drop(uint64_t sequence);
    void clear();
    // The records that were not dropped, oldest first. Views are valid within the visit.
    void visit(const Visitor& visitor) const;

    size_t live_count() const { return live_.size(); }

  private:
    struct Shared;
    struct Header;

    std::byte* half(unsigned number) const;
    Header& header_at(size_t position) const;
    size_t put(unsigned number, size_t position, const Header& header, ByteView payload) const;
    void make_room(size_t bytes);
    void move_to_other_half();

    size_t half_bytes_;
    Shared* shared_;
    // This process's view of the active half: where each live record is.
    std::map<uint64_t, size_t> live_;
    uint64_t sequence_next_ = 1;
};

}  // namespace timber
