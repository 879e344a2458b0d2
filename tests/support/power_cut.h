#pragma once
// The parent's side of power cuts on a real disk: it owns what an unsynced change replaced, and
// after the child was killed it puts a seeded part of that back.
//
//   PowerCut power_cut({.keep_directory = root + "/keep"});
//   const pid_t child = fork();             // the child wraps its disk: PowerCutDisk
//   kill(child, SIGKILL); waitpid(child, ...);
//   power_cut.roll_back(seed);              // the machine lost power
//
// What was synced as disk.h says stays. Of the rest, each change may be kept or undone, the latest
// first, so that what remains of a sector, a size or a name is a state that it once had; a write
// may be torn at sectors. A change that a later, kept one builds on is kept. Without roll_back()
// the child's death was that of a process, and the records stay for a later power cut.
//
// `keep_directory` lies in the file system of the data and holds a link to each file that the
// child changed, so that replaced and removed files can come back.
//
// Thread:   the parent's main thread, while no child lives.
// Lifetime: made before the fork, outlives the children.
// Failure:  what cannot be undone ends the process with a message.
#include <cstdint>
#include <string>

#include "tests/support/power_cut_log.h"

namespace timber {

struct PowerCutOptions {
    std::string keep_directory;  // made if missing, emptied by roll_back()
    size_t log_bytes = 64_MiB;   // of pre-images at a time
    PowerCutMemory memory = {};  // the same in a child that is another program
};

// What a roll_back() did, for coverage.
struct PowerCutOutcome {
    size_t writes_kept = 0;
    size_t writes_undone = 0;  // wholly
    size_t writes_torn = 0;
    size_t sizes_kept = 0;
    size_t sizes_undone = 0;
    size_t names_kept = 0;
    size_t names_undone = 0;
};

class PowerCut {
  public:
    explicit PowerCut(PowerCutOptions options);

    // After the child's death. The same seed over the same records does the same.
    PowerCutOutcome roll_back(uint64_t seed);

    PowerCutLog& log() { return log_; }
    // Where the link to an inode is.
    std::string kept_path(uint64_t inode) const;

  private:
    PowerCutOptions options_;
    PowerCutLog log_;
};

}  // namespace timber
