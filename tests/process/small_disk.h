#pragma once
// A file system of a given size for one server's data, and what fills it.
//
// It is an ext4 image on a loop mount, in a mount namespace of the test's own: the kernel takes it
// away with the last process of the test, however that ends.
//
// Thread:  the main one, before there are others: the namespace is the thread's.
// Failure: where the machine allows no such mount, enter() says why.
#include <cstdint>
#include <optional>
#include <string>

namespace timber::process {

class SmallDisk {
  public:
    // Once, before the first: why this machine cannot, if so.
    static std::optional<std::string> enter();

    // Mounts `bytes` at `directory`, which is made.
    SmallDisk(const std::string& directory, uint64_t bytes);
    ~SmallDisk();
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    // Takes what space there is; gives it back.
    void fill();
    void drain();

  private:
    const std::string directory_;
};

}  // namespace timber::process
