#include "tests/process/torture_disk.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "src/base/assert.h"

namespace timber::process {

namespace {

// The delay stands on a page of its own before the PowerCut's memory.
constexpr size_t kDelayBytes = 4096;

int make_memory() {
    // Inherited on purpose, across exec as well.
    const int memory = ::memfd_create("timber-torture-disk", 0);
    TIMBER_ASSERT(memory >= 0);
    TIMBER_ASSERT(::ftruncate(memory, kDelayBytes) == 0);
    return memory;
}

std::atomic<uint32_t>* map_delay(int memory) {
    void* mapped = ::mmap(nullptr, kDelayBytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    TIMBER_ASSERT(mapped != MAP_FAILED);
    return static_cast<std::atomic<uint32_t>*>(mapped);
}

}  // namespace

std::string TortureDisk::make(const std::string& keep_directory) {
    return std::to_string(make_memory()) + ":" + keep_directory;
}

TortureDisk::TortureDisk(const std::string& text)
    : TortureDisk(std::atoi(text.c_str()), text.substr(text.find(':') + 1)) {}

TortureDisk::TortureDisk(int memory, std::string keep_directory)
    : memory_(memory),
      delay_(map_delay(memory)),
      power_cut_({.keep_directory = std::move(keep_directory),
                  .memory = PowerCutMemory{.file = memory, .offset = kDelayBytes}}) {}

TortureDisk::~TortureDisk() {
    ::munmap(delay_, kDelayBytes);
    ::close(memory_);
}

}  // namespace timber::process
