#include "benches/frame/block_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "src/base/coding.h"

namespace timber::bench {

// Memory in huge pages where more than a block is written: the least is meant.
BlockFile::BlockFile(std::string path, uint64_t bytes, uint64_t write_bytes)
    : path_(std::move(path)),
      write_bytes_(write_bytes),
      last_written_(bytes / write_bytes),
      memory_(write_bytes > kBlockBytes ? std::max(write_bytes, AlignedBuffer::kHugePageBytes)
                                        : kBlockBytes) {
    TIMBER_ASSERT(bytes > 0 && bytes % write_bytes == 0 && write_bytes % kBlockBytes == 0);
    std::memset(memory_.data(), 0, memory_.capacity());
}

BlockFile::~BlockFile() {
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    ::unlink(path_.c_str());
}

Result<std::unique_ptr<BlockFile>> BlockFile::create(const std::string& path, uint64_t bytes,
                                                     uint64_t write_bytes) {
    std::unique_ptr<BlockFile> file(new BlockFile(path, bytes, write_bytes));
    TIMBER_CHECK(file->open());
    TIMBER_CHECK(file->fill());
    return file;
}

Status BlockFile::open() {
    const int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_DSYNC;
    descriptor_ = ::open(path_.c_str(), flags | O_DIRECT, 0644);
    if (descriptor_ < 0 && errno == EINVAL) {
        direct_ = false;
        descriptor_ = ::open(path_.c_str(), flags, 0644);
    }
    if (descriptor_ < 0) return os_error(errno, path_, "create the file of a bench");
    return {};
}

// Written, not only allocated: the first write to an allocated block changes metadata.
Status BlockFile::fill() {
    constexpr size_t kChunkBytes = 1_MiB;
    AlignedBuffer zeros(kChunkBytes);
    std::memset(zeros.data(), 0, kChunkBytes);
    const uint64_t bytes = last_written_.size() * write_bytes_;
    for (uint64_t at = 0; at < bytes;) {
        const ssize_t done =
            ::pwrite(descriptor_, zeros.data(), std::min<uint64_t>(kChunkBytes, bytes - at),
                     static_cast<off_t>(at));
        if (done <= 0) return os_error(done < 0 ? errno : EIO, path_, "zero the file of a bench");
        at += static_cast<uint64_t>(done);
    }
    if (::fsync(descriptor_) != 0) return os_error(errno, path_, "sync the file of a bench");
    return {};
}

Status BlockFile::overwrite_next() {
    store(memory_.data(), ++written_);
    const auto offset = static_cast<off_t>(next_ * write_bytes_);
    const ssize_t done = ::pwrite(descriptor_, memory_.data(), write_bytes_, offset);
    if (done != static_cast<ssize_t>(write_bytes_))
        return os_error(done < 0 ? errno : EIO, path_, "overwrite a block");
    last_written_[next_] = written_;
    next_ = (next_ + 1) % last_written_.size();
    return {};
}

Status BlockFile::check() {
    for (size_t i = 0; i < last_written_.size(); ++i) {
        const uint64_t offset = i * write_bytes_;
        const ssize_t done =
            ::pread(descriptor_, memory_.data(), kBlockBytes, static_cast<off_t>(offset));
        if (done != static_cast<ssize_t>(kBlockBytes))
            return os_error(done < 0 ? errno : EIO, path_, "read a block back");
        if (load<uint64_t>(memory_.data()) != last_written_[i])
            return file_error(ErrorCode::kCorrupted, path_, offset, "not what was written");
    }
    return {};
}

}  // namespace timber::bench
