#pragma once
// The superblock file: two copies of the superblock and two witnesses, each in its own block.
//
// Its presence makes a directory a log. A new epoch is written to one copy, synced, then to the
// other, so that a crash at any point leaves a valid copy, and damage to one copy can never bring
// an epoch back that was used: batches are written only once both copies hold their epoch.
//
// Thread:   for jobs.
// Failure:  errors name the file and the place.
#include <optional>
#include <string>

#include "logengine/format.h"
#include "src/base/io/disk.h"

namespace timber::logengine {

inline constexpr const char* kSuperblockFileName = "superblock";
inline constexpr const char* kSuperblockTemporaryName = "superblock.new";
inline constexpr const char* kLockFileName = "lock";

class ControlFile {
  public:
    // Opens and reads it. kMissing if there is no superblock file.
    static Result<ControlFile> open(Disk& disk, const std::string& directory);
    // Makes it with both copies, under a temporary name first; the directory is synced.
    static Result<ControlFile> create(Disk& disk, const std::string& directory,
                                      const Superblock& superblock);

    const Superblock& superblock() const { return superblock_; }
    // The newer of the readable witnesses.
    const std::optional<Witness>& witness() const { return witness_; }

    // Begins the next epoch with the batch `first_lsn`, behind the group with `checksum`, knowing
    // that batches up to `released_lsn` are no longer needed; durable in both copies.
    Status begin_epoch(Disk& disk, Lsn first_lsn, uint64_t checksum, Lsn released_lsn);

    FileHandle file() const { return file_; }
    const std::string& path() const { return path_; }

    // Where the witness with this sequence number goes: they alternate, so that a torn one leaves
    // its predecessor.
    static uint64_t witness_offset(uint64_t sequence) {
        return (kSuperblockSlots + sequence % kWitnessSlots) * kControlBlockBytes;
    }

  private:
    Status read(Disk& disk);
    Status write_superblock(Disk& disk, size_t slot);

    FileHandle file_;
    std::string path_;
    Superblock superblock_;
    size_t newer_slot_ = 0;
    std::optional<Witness> witness_;
};

}  // namespace timber::logengine
