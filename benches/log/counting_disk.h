#pragma once
// A Disk that counts what goes through it to another.
//
// The log's files are direct, so what passes here is what the device gets. Counted so, because the
// block layer also counts everybody else's.
//
// Thread: as Disk.
#include <atomic>

#include "benches/frame/subject.h"
#include "src/base/io/disk.h"

namespace timber::bench {

class CountingDisk : public Disk {
  public:
    explicit CountingDisk(Disk& disk) : disk_(disk) {}

    DeviceCount count() const;

    void submit(IoOp& op) override;
    void wait(IoOp& op) override { disk_.wait(op); }
    Result<FileHandle> open(std::string_view path, OpenOptions options) override {
        return disk_.open(path, options);
    }
    void close(FileHandle file) override { disk_.close(file); }
    Result<uint64_t> size(FileHandle file) override { return disk_.size(file); }
    Status truncate(FileHandle file, uint64_t bytes) override {
        return disk_.truncate(file, bytes);
    }
    Status rename(std::string_view from, std::string_view to) override {
        return disk_.rename(from, to);
    }
    Status remove(std::string_view path) override { return disk_.remove(path); }
    Status make_directory(std::string_view path) override { return disk_.make_directory(path); }
    Result<std::vector<std::string>> list(std::string_view directory) override {
        return disk_.list(directory);
    }
    Status sync_directory(std::string_view directory) override {
        return disk_.sync_directory(directory);
    }
    Status lock(FileHandle file) override { return disk_.lock(file); }
    Result<uint64_t> free_space(std::string_view directory) override {
        return disk_.free_space(directory);
    }
    bool direct_io_supported() const override { return disk_.direct_io_supported(); }

  private:
    static void add(std::atomic<uint64_t>& count, uint64_t more) {
        count.fetch_add(more, std::memory_order_relaxed);
    }

    Disk& disk_;
    std::atomic<uint64_t> bytes_written_ = 0;
    std::atomic<uint64_t> writes_ = 0;
    std::atomic<uint64_t> bytes_read_ = 0;
    std::atomic<uint64_t> reads_ = 0;
    std::atomic<uint64_t> flushes_ = 0;
};

}  // namespace timber::bench
