#pragma once
// A file that holds as much space as one flush needs, so that a store on a full disk can still
// flush what is in memory: it gives the space back to the disk first, and takes it again later.
//
// Thread:     the loop; the file is handled by plain jobs of the runner.
// Lifetime:   disk, runner and health outlive it. Nothing of it runs once the runner has stopped.
// Invariants: SR1  at most one job of it runs.
//             SR2  while held(), the file's space is allocated and durably so.
// Failure:    a reserve that cannot be made is trouble (Health), and tried again.
#include <functional>
#include <string>

#include "memtable/directory_sync.h"
#include "memtable/health.h"
#include "memtable/job_runner.h"
#include "src/base/io/disk.h"

namespace timber::memtable {

// The reserve's name in the store's directory.
inline constexpr std::string_view kReserveFileName = "RESERVE";

class SpaceReserve {
  public:
    // `changed` runs on the loop when it became held, could not be, or is given up.
    SpaceReserve(Disk& disk, DirectorySync& names, JobRunner& runner, Health& health,
                 const std::string& directory, uint64_t bytes,
                 std::move_only_function<void()> changed);

    // Makes it if it is missing and may be tried.
    void work();
    // Gives its space to the disk, for the sake of `error`; until it is made again there is
    // trouble. Only while held().
    void give_up(Error error);

    bool held() const { return state_ == State::kHeld; }
    bool giving_up() const { return state_ == State::kGivingUp; }
    uint64_t bytes() const { return bytes_; }

  private:
    enum class State : uint8_t { kMissing, kMaking, kHeld, kGivingUp };

    // From jobs.
    Status make() const;
    Status take_space(FileHandle file) const;
    Status release_space() const;

    Disk& disk_;
    DirectorySync& names_;
    JobRunner& runner_;
    Health& health_;
    const std::string path_;
    const uint64_t bytes_;
    std::move_only_function<void()> changed_;
    State state_ = State::kMissing;
};

}  // namespace timber::memtable
