#pragma once
// A Disk that passes everything on to another: the base of those that watch, delay or note what
// goes through them, so that each says only what it does differently.
//
// Thread:   as Disk.
// Lifetime: `inner` outlives it.
#include <string>
#include <vector>

#include "src/base/io/disk.h"

namespace timber {

class ForwardingDisk : public Disk {
  public:
    void submit(IoOp& op) override { inner_.submit(op); }
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
    Status sync_directory(std::string_view directory) override {
        return inner_.sync_directory(directory);
    }
    Status lock(FileHandle file) override { return inner_.lock(file); }
    Status lock_after_holder(FileHandle file) override { return inner_.lock_after_holder(file); }
    Result<uint64_t> free_space(std::string_view directory) override {
        return inner_.free_space(directory);
    }
    bool direct_io_supported() const override { return inner_.direct_io_supported(); }

  protected:
    explicit ForwardingDisk(Disk& inner) : inner_(inner) {}

    Disk& inner_;
};

}  // namespace timber
