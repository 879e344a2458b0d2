#pragma once
// Table files that no version holds: places that were given out, files that the owner's log speaks
// of, and orphans, which go when recovery is finished.
//
// Thread:     the loop.
// Lifetime:   numbers and remover outlive it.
// Invariants: FK1  a number is given out once, and none that the opening found or the owner named.
//             FK2  an orphan that the owner names is no orphan any more.
#include <set>
#include <string>
#include <vector>

#include "memtable/background_job.h"
#include "memtable/file_remover.h"
#include "memtable/store.h"

namespace timber::memtable {

class FileKeeper {
  public:
    // `orphans`: what the opening found and no version holds.
    FileKeeper(std::string directory, FileNumbers& numbers, FileRemover& remover,
               std::vector<FileNumber> orphans);

    void start();
    Store::ReservedFile reserve();
    // A file of an earlier life, there or not, stays.
    void keep(FileNumber number);
    // The owner has no use for the place any more.
    void discard(FileNumber number);
    // The file is part of the version now.
    void taken(FileNumber number);
    void finish_recovery();
    bool recovering() const { return recovering_; }

  private:
    const std::string directory_;
    FileNumbers& numbers_;
    FileRemover& remover_;
    std::set<FileNumber> orphans_;
    std::set<FileNumber> reserved_;
    bool recovering_ = true;
};

}  // namespace timber::memtable
