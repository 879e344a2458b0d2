#pragma once
// CURRENT: which manifest is live, and how much of it is durable.
//
// Its presence makes a directory a store. It is two slots, each in a block of its own, written in
// place in turn: no space is needed and no name changes, so that a full disk stops neither an
// opening nor an append. The slot that is written is always the older one, or the unreadable one,
// so a torn write leaves the other.
//
// Thread:   for jobs, one at a time.
// Failure:  a failed write leaves in doubt what the next opening reads: the owner stops.
#include <array>
#include <optional>
#include <string>

#include "memtable/manifest_format.h"
#include "src/base/io/disk.h"
#include "src/base/result.h"

namespace timber::memtable {

class CurrentFile {
  public:
    // Opens and reads it. kMissing if there is none; kCorrupted and others if no slot is readable,
    // or both are and contradict each other.
    static Result<CurrentFile> open(Disk& disk, const std::string& directory);
    // Makes it, under a temporary name first, with both slots naming `slot`; durable, and so is its
    // name.
    static Status create(Disk& disk, const std::string& directory, const CurrentSlot& slot);

    // The newer of the readable slots.
    const CurrentSlot& newest() const { return *slots_[newest_]; }
    // Both slots are readable.
    bool whole() const { return slots_[0].has_value() && slots_[1].has_value(); }

    // Puts `slot` in the place of the older or unreadable one, durably; gives it its sequence.
    Status write(Disk& disk, CurrentSlot slot);

    void close(Disk& disk) { disk.close(file_); }
    const std::string& path() const { return path_; }

  private:
    Status read(Disk& disk);

    FileHandle file_;
    std::string path_;
    std::array<std::optional<CurrentSlot>, kCurrentSlots> slots_;
    size_t newest_ = 0;
};

}  // namespace timber::memtable
