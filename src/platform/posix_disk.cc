#include "src/platform/posix_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "src/base/io/log.h"

namespace timber {

namespace {

constexpr mode_t kFileMode = 0644;
constexpr mode_t kDirectoryMode = 0755;

// Calls again while a signal interrupts; gives the call's value, or minus errno.
template <typename Call>
int uninterrupted(Call call) {
    int value;
    do {
        value = call();
    } while (value < 0 && errno == EINTR);
    return value < 0 ? -errno : value;
}

Status status_of(int value, std::string_view path, const char* what) {
    if (value < 0) return os_error(-value, path, what);
    return {};
}

int open_flags(OpenOptions options) {
    int flags = O_CLOEXEC | (options.read_only ? O_RDONLY : O_RDWR);
    if (options.create) flags |= O_CREAT;
    if (options.exclusive) flags |= O_EXCL;
    return flags;
}

// Access times are of no use to us; but only a file's owner may ask to leave them alone.
int open_without_access_time(const std::string& path, int flags) {
    const auto open_with = [&](int more) {
        return uninterrupted([&] { return ::open(path.c_str(), flags | more, kFileMode); });
    };
    const int fd = open_with(O_NOATIME);
    return fd == -EPERM ? open_with(0) : fd;
}

struct AlignedBlock {
    alignas(kDirectAlignment) std::array<std::byte, kDirectAlignment> bytes = {};
};

// Whether a file without a name in `directory` takes a direct write. The errno that refused it, 0
// if none.
int probe_direct(const std::string& directory) {
    const int fd = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_DIRECT | O_CLOEXEC, kFileMode);
    if (fd < 0) return errno;
    const auto block = std::make_unique<AlignedBlock>();
    const ssize_t written = ::pwrite(fd, block->bytes.data(), block->bytes.size(), 0);
    const int refused = written < 0 ? errno : 0;
    ::close(fd);
    return refused;
}

// EOPNOTSUPP: no files without a name here; EISDIR: a kernel that does not know them; the others
// have to do with the directory and not with direct I/O. An open will tell.
bool refuses_direct(int probe_errno) { return probe_errno == EINVAL; }

std::string nearest_existing(std::string_view directory) {
    std::string path(directory);
    while (::access(path.c_str(), F_OK) != 0 && path != parent_path(path)) path = parent_path(path);
    return path;
}

}  // namespace

PosixDisk::PosixDisk(std::string_view data_directory) {
    const std::string probed = nearest_existing(data_directory);
    if (refuses_direct(probe_direct(probed))) give_up_direct(probed);
}

void PosixDisk::give_up_direct(std::string_view where) {
    if (!direct_supported_.exchange(false)) return;
    log_warning("the file system of {} has no direct I/O: going through the page cache", where);
}

PosixDisk::Opened PosixDisk::open_descriptor(const std::string& path, OpenOptions options) {
    const int flags = open_flags(options);
    if (options.direct && direct_supported_) {
        const int fd = open_without_access_time(path, flags | O_DIRECT);
        if (fd != -EINVAL) return {fd, true};
        // Linux makes the file before it finds that it cannot open it directly; with O_EXCL the
        // second try would find it there.
        const int buffered = open_without_access_time(path, flags & ~O_EXCL);
        if (buffered >= 0) give_up_direct(path);
        return {buffered, false};
    }
    return {open_without_access_time(path, flags), false};
}

Result<FileHandle> PosixDisk::open(std::string_view path, OpenOptions options) {
    const Opened opened = open_descriptor(std::string(path), options);
    if (opened.fd < 0) return os_error(-opened.fd, path, "open");
    const auto handle = files_.add({.fd = opened.fd, .direct = opened.direct});
    if (!handle) {
        ::close(opened.fd);
        return file_error(ErrorCode::kTooLarge, path, "too many open files");
    }
    return *handle;
}

// Linux releases the descriptor even if close() reports an error, and what it could report is not
// ours to act on: nobody relies on data that was not synced.
void PosixDisk::close(FileHandle file) { ::close(files_.take(file).fd); }

Result<uint64_t> PosixDisk::size(FileHandle file) {
    struct stat status;
    if (::fstat(files_.get(file).fd, &status) != 0) return os_error(errno, {}, "size");
    return static_cast<uint64_t>(status.st_size);
}

Status PosixDisk::truncate(FileHandle file, uint64_t bytes) {
    const int fd = files_.get(file).fd;
    const int value = uninterrupted([&] { return ::ftruncate(fd, static_cast<off_t>(bytes)); });
    return status_of(value, {}, "truncate");
}

Status PosixDisk::rename(std::string_view from, std::string_view to) {
    const int value =
        uninterrupted([&] { return ::rename(std::string(from).c_str(), std::string(to).c_str()); });
    return status_of(value, from, "rename");
}

Status PosixDisk::remove(std::string_view path) {
    const int value = uninterrupted([&] { return std::remove(std::string(path).c_str()); });
    return status_of(value, path, "remove");
}

Status PosixDisk::make_directory(std::string_view path) {
    const std::string name(path);
    const int value = uninterrupted([&] { return ::mkdir(name.c_str(), kDirectoryMode); });
    struct stat status;
    if (value == -EEXIST && ::stat(name.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
        return {};
    }
    return status_of(value, path, "make directory");
}

Result<std::vector<std::string>> PosixDisk::list(std::string_view directory) {
    DIR* stream = ::opendir(std::string(directory).c_str());
    if (stream == nullptr) return os_error(errno, directory, "list");
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(stream)) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    const int failed = errno;
    ::closedir(stream);
    if (failed != 0) return os_error(failed, directory, "list");
    std::sort(names.begin(), names.end());
    return names;
}

Status PosixDisk::sync_directory(std::string_view directory) {
    const std::string name(directory);
    const int fd =
        uninterrupted([&] { return ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (fd < 0) return os_error(-fd, directory, "sync directory");
    const int value = uninterrupted([&] { return ::fsync(fd); });
    ::close(fd);
    return status_of(value, directory, "sync directory");
}

// flock() belongs to the open file, not to the process: two opens in one process exclude each
// other too.
Status PosixDisk::lock(FileHandle file) {
    const int fd = files_.get(file).fd;
    const int value = uninterrupted([&] { return ::flock(fd, LOCK_EX | LOCK_NB); });
    if (value == -EWOULDBLOCK) {
        return Error{.code = ErrorCode::kLocked,
                     .os_error = EWOULDBLOCK,
                     .detail = "another process, or another part of this one, has it open"};
    }
    return status_of(value, {}, "lock");
}

Status PosixDisk::lock_after_holder(FileHandle file) {
    const int fd = files_.get(file).fd;
    return status_of(uninterrupted([&] { return ::flock(fd, LOCK_EX); }), {}, "lock");
}

Result<uint64_t> PosixDisk::free_space(std::string_view directory) {
    struct statvfs status;
    const std::string name(directory);
    const int value = uninterrupted([&] { return ::statvfs(name.c_str(), &status); });
    if (value < 0) return os_error(-value, directory, "free space");
    return uint64_t{status.f_bavail} * status.f_frsize;
}

}  // namespace timber
