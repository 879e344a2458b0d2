#pragma once
// The file operations of Disk by plain system calls, shared by both production disks, which add
// the data operations.
//
// Direct files: a probe, when the disk is made, writes one block with O_DIRECT beside the data. If
// that, or a later direct open, is refused, files are opened buffered instead, which is said once
// in the log and shown by direct_io_supported().
//
// Thread:   any.
// Lifetime: closes what is still open; outlives all operations.
// Failure:  every error names the path; a handle's errors do not, as for data operations.
#include <atomic>
#include <string>
#include <string_view>

#include "src/base/io/disk.h"
#include "src/platform/file_table.h"

namespace timber {

class PosixDisk : public Disk {
  public:
    // `data_directory` need not exist yet: its nearest parent that does is probed.
    explicit PosixDisk(std::string_view data_directory);

    Result<FileHandle> open(std::string_view path, OpenOptions options) override;
    void close(FileHandle file) override;
    Result<uint64_t> size(FileHandle file) override;
    Status truncate(FileHandle file, uint64_t bytes) override;
    Status rename(std::string_view from, std::string_view to) override;
    Status remove(std::string_view path) override;
    Status make_directory(std::string_view path) override;
    Result<std::vector<std::string>> list(std::string_view directory) override;
    Status sync_directory(std::string_view directory) override;
    Status lock(FileHandle file) override;
    Result<uint64_t> free_space(std::string_view directory) override;
    bool direct_io_supported() const override { return direct_supported_; }

  protected:
    Descriptor descriptor(FileHandle file) const { return files_.get(file); }

  private:
    struct Opened {
        int fd;
        bool direct;
    };
    // Minus errno in `fd` if it failed.
    Opened open_descriptor(const std::string& path, OpenOptions options);
    void give_up_direct(std::string_view where);

    FileTable files_;
    std::atomic<bool> direct_supported_ = true;
};

}  // namespace timber
