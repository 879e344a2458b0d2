#pragma once
// A preallocated, zeroed file that is overwritten in place, a block of 4 KiB or a few at a time,
// each time durable before the call returns: the least that a durable write costs on this disk.
//
// Written with O_DIRECT and O_DSYNC; without O_DIRECT where the file system has none, which
// direct() tells.
//
// Thread: one.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "src/base/aligned_buffer.h"
#include "src/base/result.h"

namespace timber::bench {

class BlockFile {
  public:
    static constexpr uint64_t kBlockBytes = 4096;

    // Replaces what is at `path`. `bytes` is a multiple of `write_bytes`, and that of the block.
    static Result<std::unique_ptr<BlockFile>> create(const std::string& path, uint64_t bytes,
                                                     uint64_t write_bytes = kBlockBytes);
    // Removes the file.
    ~BlockFile();
    BlockFile(const BlockFile&) = delete;
    BlockFile& operator=(const BlockFile&) = delete;

    // Overwrites the next `write_bytes`, from the front again after the last.
    Status overwrite_next();
    // Reads everything back: each write's first block holds what was last written to it.
    Status check();

    bool direct() const { return direct_; }

  private:
    BlockFile(std::string path, uint64_t bytes, uint64_t write_bytes);
    Status open();
    Status fill();

    const std::string path_;
    int descriptor_ = -1;
    bool direct_ = true;
    size_t next_ = 0;
    uint64_t written_ = 0;
    const uint64_t write_bytes_;
    std::vector<uint64_t> last_written_;  // by place: the number of the write, 0 if none
    AlignedBuffer memory_;
};

}  // namespace timber::bench
