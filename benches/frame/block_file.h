#pragma once
// A preallocated, zeroed file whose 4 KiB blocks are overwritten in place, each durable before the
// call returns: the least that a durable write costs on this disk.
//
// Written with O_DIRECT and O_DSYNC; without O_DIRECT where the file system has none, which
// direct() tells.
//
// Thread: one.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "src/base/result.h"

namespace timber::bench {

class BlockFile {
  public:
    static constexpr uint64_t kBlockBytes = 4096;

    // Replaces what is at `path`. `bytes` is a multiple of the block.
    static Result<std::unique_ptr<BlockFile>> create(const std::string& path, uint64_t bytes);
    // Removes the file.
    ~BlockFile();
    BlockFile(const BlockFile&) = delete;
    BlockFile& operator=(const BlockFile&) = delete;

    // Overwrites the next block, from the front again after the last.
    Status overwrite_next();
    // Reads every block back: each holds what was last written to it.
    Status check();

    bool direct() const { return direct_; }

  private:
    struct FreeBlock {
        void operator()(std::byte* block) const;
    };

    BlockFile(std::string path, uint64_t bytes);
    Status open();
    Status fill();

    const std::string path_;
    int descriptor_ = -1;
    bool direct_ = true;
    size_t next_ = 0;
    uint64_t written_ = 0;
    std::vector<uint64_t> last_written_;  // by block: the number of the write, 0 if none
    std::unique_ptr<std::byte[], FreeBlock> block_;
};

}  // namespace timber::bench
