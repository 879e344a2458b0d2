#pragma once
// A platform of each kind, with a real directory of its own under the build tree.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <semaphore>
#include <string>
#include <vector>

#include "src/base/io/log.h"
#include "src/platform/platform.h"

namespace timber {

// A directory that is empty at first and goes with its owner.
class ScratchDirectory {
  public:
    explicit ScratchDirectory(const std::string& name);
    ~ScratchDirectory();

    std::string path(const std::string& name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

// Memory for direct reads and writes.
struct AlignedBuffer {
    explicit AlignedBuffer(size_t size, uint8_t fill = 0);

    MutableBytes bytes() { return {memory.get(), size}; }

    struct Free {
        void operator()(std::byte* memory) const;
    };
    std::unique_ptr<std::byte, Free> memory;
    size_t size;
};

// Runs each test with io_uring and with the fallback.
class PlatformTest : public testing::TestWithParam<IoBackend> {
  protected:
    PlatformTest();

    // A file with `bytes` zeroes, durable.
    FileHandle make_file(const std::string& name, size_t bytes, OpenOptions options = {});

    ScratchDirectory directory_;
    std::unique_ptr<Platform> platform_;
    Disk* disk_ = nullptr;
};

std::string backend_name(const testing::TestParamInfo<IoBackend>& info);

}  // namespace timber

#define TIMBER_FOR_BOTH_BACKENDS(fixture) \
    INSTANTIATE_TEST_SUITE_P(             \
        Backends, fixture, testing::Values(IoBackend::kUring, IoBackend::kThreads), backend_name)
