#pragma once
// The floor under a group: as many blocks as a case's callers fill together, in one direct and
// synced overwrite after another.
//
// What the disk takes for these bytes, no log can do without. The floor proper writes 4 KiB
// whatever the case; this one tells how much of the distance to it is the disk's.
#include <memory>
#include <string>

#include "benches/frame/block_file.h"
#include "benches/frame/options.h"
#include "benches/frame/subject.h"

namespace timber::bench {

class GroupFloorSubject : public Subject {
  public:
    explicit GroupFloorSubject(const Options& options)
        : path_(options.directory + "/group_floor") {}

    std::string name() const override { return "group_floor"; }
    bool takes(const Case& wanted) const override { return wanted.name == "async"; }
    uint32_t lanes(const Case&) const override { return 1; }
    Status prepare(const Case& wanted) override;
    Status run_slice(const Case& wanted, SliceRecorder& recorder) override;
    Status finish(const Case& wanted) override;

  private:
    const std::string path_;
    std::unique_ptr<BlockFile> file_;
};

}  // namespace timber::bench
