#include "tests/process/small_disk.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "tests/support/server_process.h"

namespace timber::process {

namespace {

constexpr const char* kMakeFileSystem = "/sbin/mkfs.ext4";
constexpr const char* kMount = "/bin/mount";
constexpr uint64_t kFillPieceMax = 16 << 20;

std::string image_of(const std::string& directory) { return directory + ".image"; }
std::string filler_of(const std::string& directory) { return directory + "/filler"; }

// Empty: it is mounted.
std::string try_mount(const std::string& directory, uint64_t bytes) {
    std::filesystem::create_directories(directory);
    const std::string image = image_of(directory);
    const int file = ::open(image.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    const bool sized = file >= 0 && ::ftruncate(file, static_cast<off_t>(bytes)) == 0;
    ::close(file);
    if (!sized) return "no image";
    // No part of it is kept back for root, whom the servers run as.
    const Finished made = run_program({kMakeFileSystem, "-q", "-F", "-m", "0", image});
    if (made.code != 0) return "mkfs.ext4: " + made.output;
    const Finished mounted = run_program({kMount, "-o", "loop", image, directory});
    if (mounted.code != 0) return "mount: " + mounted.output;
    std::filesystem::remove(directory + "/lost+found");
    return {};
}

}  // namespace

std::optional<std::string> SmallDisk::enter() {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return std::string("no mount namespace: ") + std::strerror(errno);
    const std::string trial = std::filesystem::temp_directory_path().string() + "/timber-mount-" +
                              std::to_string(::getpid());
    const std::string trouble = try_mount(trial, 8 << 20);
    ::umount(trial.c_str());
    std::filesystem::remove(image_of(trial));
    std::filesystem::remove(trial);
    if (!trouble.empty()) return trouble;
    return std::nullopt;
}

SmallDisk::SmallDisk(const std::string& directory, uint64_t bytes) : directory_(directory) {
    const std::string trouble = try_mount(directory, bytes);
    if (!trouble.empty()) fail(trouble);
}

SmallDisk::~SmallDisk() { ::umount2(directory_.c_str(), MNT_DETACH); }

void SmallDisk::fill() {
    const int file = ::open(filler_of(directory_).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    if (file < 0) fail("cannot fill " + directory_);
    off_t end = 0;
    for (uint64_t piece = kFillPieceMax; piece >= 4096;) {
        if (::fallocate(file, 0, end, static_cast<off_t>(piece)) == 0)
            end += static_cast<off_t>(piece);
        else
            piece /= 2;
    }
    ::close(file);
}

void SmallDisk::drain() { std::filesystem::remove(filler_of(directory_)); }

}  // namespace timber::process
