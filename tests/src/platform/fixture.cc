#include "tests/src/platform/fixture.h"

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace timber {

ScratchDirectory::ScratchDirectory(const std::string& name)
    : path_(std::string(TIMBER_TEST_DIRECTORY) + "/" + name + "-" + std::to_string(::getpid())) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
}

ScratchDirectory::~ScratchDirectory() { std::filesystem::remove_all(path_); }

AlignedBuffer::AlignedBuffer(size_t size_wanted, uint8_t fill)
    : memory(static_cast<std::byte*>(
          std::aligned_alloc(kDirectAlignment, round_up(size_wanted, kDirectAlignment)))),
      size(size_wanted) {
    std::memset(memory.get(), fill, size);
}

void AlignedBuffer::Free::operator()(std::byte* allocated) const { std::free(allocated); }

PlatformTest::PlatformTest() : directory_("platform") {
    set_log_level(LogLevel::kWarning);
    auto made = Platform::create({.backend = GetParam(), .data_directory = directory_.path()});
    platform_ = std::move(made).value();
    disk_ = &platform_->disk();
}

FileHandle PlatformTest::make_file(const std::string& name, size_t bytes, OpenOptions options) {
    const std::string path = directory_.path(name);
    options.create = true;
    const FileHandle file = disk_->open(path, options).value();
    AlignedBuffer zeroes(bytes);
    EXPECT_TRUE(await_write(*disk_, file, path, 0, zeroes.bytes(), true).ok());
    return file;
}

std::string backend_name(const testing::TestParamInfo<IoBackend>& info) {
    switch (info.param) {
        case IoBackend::kAutomatic: return "automatic";
        case IoBackend::kUring: return "uring";
        case IoBackend::kThreads: return "threads";
    }
    TIMBER_UNREACHABLE();
}

}  // namespace timber
