#include "benches/frame/block_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "src/base/coding.h"

namespace timber::bench {

void BlockFile::FreeBlock::operator()(std::byte* block) const { std::free(block); }

BlockFile::BlockFile(std::string path, uint64_t bytes)
    : path_(std::move(path)),
      last_written_(bytes / kBlockBytes),
      block_(static_cast<std::byte*>(std::aligned_alloc(kBlockBytes, kBlockBytes))) {
    TIMBER_ASSERT(bytes > 0 && bytes % kBlockBytes == 0);
    TIMBER_ASSERT(block_ != nullptr);
    std::memset(block_.get(), 0, kBlockBytes);
}

BlockFile::~BlockFile() {
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    ::unlink(path_.c_str());
}

Result<std::unique_ptr<BlockFile>> BlockFile::create(const std::string& path, uint64_t bytes) {
    std::unique_ptr<BlockFile> file(new BlockFile(path, bytes));
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
    const std::unique_ptr<std::byte[], FreeBlock> zeros(
        static_cast<std::byte*>(std::aligned_alloc(kBlockBytes, kChunkBytes)));
    TIMBER_ASSERT(zeros != nullptr);
    std::memset(zeros.get(), 0, kChunkBytes);
    const uint64_t bytes = last_written_.size() * kBlockBytes;
    for (uint64_t at = 0; at < bytes;) {
        const ssize_t done =
            ::pwrite(descriptor_, zeros.get(), std::min<uint64_t>(kChunkBytes, bytes - at),
                     static_cast<off_t>(at));
        if (done <= 0) return os_error(done < 0 ? errno : EIO, path_, "zero the file of a bench");
        at += static_cast<uint64_t>(done);
    }
    if (::fsync(descriptor_) != 0) return os_error(errno, path_, "sync the file of a bench");
    return {};
}

Status BlockFile::overwrite_next() {
    store(block_.get(), ++written_);
    const auto offset = static_cast<off_t>(next_ * kBlockBytes);
    const ssize_t done = ::pwrite(descriptor_, block_.get(), kBlockBytes, offset);
    if (done != static_cast<ssize_t>(kBlockBytes))
        return os_error(done < 0 ? errno : EIO, path_, "overwrite a block");
    last_written_[next_] = written_;
    next_ = (next_ + 1) % last_written_.size();
    return {};
}

Status BlockFile::check() {
    for (size_t i = 0; i < last_written_.size(); ++i) {
        const uint64_t offset = i * kBlockBytes;
        const ssize_t done =
            ::pread(descriptor_, block_.get(), kBlockBytes, static_cast<off_t>(offset));
        if (done != static_cast<ssize_t>(kBlockBytes))
            return os_error(done < 0 ? errno : EIO, path_, "read a block back");
        if (load<uint64_t>(block_.get()) != last_written_[i])
            return file_error(ErrorCode::kCorrupted, path_, offset, "not what was written");
    }
    return {};
}

}  // namespace timber::bench
