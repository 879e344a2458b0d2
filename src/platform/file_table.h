#pragma once
// The open files of a disk: which descriptor a FileHandle stands for.
//
// A handle holds a slot's number and the slot's age, so that the handle of a closed file is
// noticed even after its slot was taken again. Looking up is one atomic load.
//
// Thread:     any.
// Lifetime:   closes what is still open.
// Invariants: F1  a slot is either free, and in the list of free slots, or holds one descriptor.
// Failure:    add() is refused when kOpenFilesMax files are open. A handle that is not open is a
//             bug of the caller's and stops the process.
#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "src/base/mutex.h"
#include "src/platform/transfer.h"

namespace timber {

inline constexpr uint32_t kOpenFilesMax = uint32_t{1} << 16;

class FileTable {
  public:
    FileTable();
    ~FileTable();
    FileTable(const FileTable&) = delete;
    FileTable& operator=(const FileTable&) = delete;

    // Nothing if the table is full.
    std::optional<FileHandle> add(Descriptor file);
    Descriptor get(FileHandle handle) const;
    // The descriptor, for the caller to close.
    Descriptor take(FileHandle handle);

  private:
    std::unique_ptr<std::atomic<uint64_t>[]> slots_;
    Mutex mutex_;
    std::vector<uint32_t> free_ TIMBER_GUARDED_BY(mutex_);
    uint32_t used_end_ TIMBER_GUARDED_BY(mutex_) = 0;  // slots from here on were never used
};

}  // namespace timber
