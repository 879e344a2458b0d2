#pragma once
// Makes the names in the store's directory durable, for everybody who makes files there.
//
// A sync of a directory that failed leaves in doubt every name that was made before it, whoever
// made it, and no later sync that succeeds tells otherwise: flush A makes 000010.sst; the sync of
// flush B fails; that of A succeeds, and the next power cut takes 000010.sst, which the manifest
// names. So whoever makes files notes before the first how many syncs have failed, and is refused
// if one has failed since.
//
// Thread:     any; sync() from jobs.
// Lifetime:   the disk outlives it.
// Invariants: DS1  a sync() that succeeds covers every name that its caller made since `failures`
//                  was noted.
// Failure:    the disk's error, or kIoError where another's sync failed: the files are abandoned
// and
//             written anew under new names.
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "src/base/io/disk.h"
#include "src/base/mutex.h"
#include "src/base/result.h"

namespace timber::memtable {

class DirectorySync {
  public:
    DirectorySync(Disk& disk, std::string directory)
        : disk_(disk), directory_(std::move(directory)) {}

    // How many syncs have failed so far: to be noted before a name is made.
    uint64_t failures() const;
    Status sync(uint64_t failures_before);

  private:
    // One sync of the disk's.
    Status sync_once();

    Disk& disk_;
    const std::string directory_;
    mutable Mutex mutex_;
    uint64_t begun_ TIMBER_GUARDED_BY(mutex_) = 0;
    std::set<uint64_t> running_ TIMBER_GUARDED_BY(mutex_);
    uint64_t failures_ TIMBER_GUARDED_BY(mutex_) = 0;
};

}  // namespace timber::memtable
