#pragma once
// The floor under every durable write: 4 KiB overwrites of preallocated files, direct and synced,
// one after another.
//
// `writers` threads have a file each: one for one server on the disk, three for three. Named
// "floor", or "floor_3" for three writers. Takes every case, whatever its size and number of
// callers: a case's floor is the disk's, not the case's.
#include <memory>
#include <string>
#include <vector>

#include "benches/frame/block_file.h"
#include "benches/frame/options.h"
#include "benches/frame/subject.h"

namespace timber::bench {

class FloorSubject : public Subject {
  public:
    FloorSubject(const Options& options, uint32_t writers = 1);

    std::string name() const override;
    uint32_t lanes(const Case&) const override { return writers_; }
    Status prepare(const Case& wanted) override;
    Status run_slice(const Case& wanted, SliceRecorder& recorder) override;
    Status finish(const Case& wanted) override;

  private:
    const std::string directory_;
    const uint32_t writers_;
    const uint64_t file_bytes_;
    std::vector<std::unique_ptr<BlockFile>> files_;
};

}  // namespace timber::bench
