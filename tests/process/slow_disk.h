#pragma once
// A Disk that makes what is durable later than it could be: each sync and each durable write begins
// after a delay, which may change at any time.
//
// Thread:   as Disk.
// Lifetime: `inner` and `delay` outlive it. Nothing may be in flight when it is destroyed.
#include <atomic>
#include <cstdint>

#include "src/base/io/disk.h"

namespace timber::process {

class SlowDisk : public Disk {
  public:
    SlowDisk(Disk& inner, const std::atomic<uint32_t>& delay_ms)
        : inner_(inner), delay_ms_(delay_ms) {}

    void submit(IoOp& op) override;
    void wait(IoOp& op) override { inner_.wait(op); }

    Result<FileHandle> open(std::string_view path, OpenOptions options) override {
        return inner_.open(path, options);
    }
    void close(FileHandle file) override { inner_.close(file); }
    Result<uint64_t> size(FileHandle file) override { return inner_.size(file); }
    Status truncate(FileHandle file, uint64_t bytes) override {
        return inner_.truncate(file, bytes);
    }
    Status rename(std::string_view from, std::string_view to) override {
        return inner_.rename(from, to);
    }
    Status remove(std::string_view path) override { return inner_.remove(path); }
    Status make_directory(std::string_view path) override { return inner_.make_directory(path); }
    Result<std::vector<std::string>> list(std::string_view directory) override {
        return inner_.list(directory);
    }
    Status sync_directory(std::string_view directory) override;
    Status lock(FileHandle file) override { return inner_.lock(file); }
    Status lock_after_holder(FileHandle file) override { return inner_.lock_after_holder(file); }
    Result<uint64_t> free_space(std::string_view directory) override {
        return inner_.free_space(directory);
    }
    bool direct_io_supported() const override { return inner_.direct_io_supported(); }

  private:
    struct Late;

    Disk& inner_;
    const std::atomic<uint32_t>& delay_ms_;
};

}  // namespace timber::process
