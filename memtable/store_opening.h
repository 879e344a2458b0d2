#pragma once
// Opens a store's directory: makes a new store, or finds out what an existing one holds.
//
// An opening locks the directory, reads CURRENT and the manifest, opens every live table file
// (which checks its size and identity), and then writes the manifest anew: what was read may not be
// durable, and nothing may be acted upon before it is. It removes no file that could matter: table
// files that no version holds are told, and stay until the owner's recovery is over.
//
// Thread:   one job.
// Failure:  an error leaves the store as it was found, or as another opening may find it. kMissing
//           (no store and none to be made; a live file is gone), kLocked, kWrongFormat,
//           kNewerFormat, kForeign, kCorrupted, kPermissionDenied, kNoSpace (of a new store),
//           kIoError; each names the file, and what to do.
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "memtable/manifest_files.h"
#include "memtable/options.h"
#include "memtable/version.h"
#include "src/base/io/disk.h"
#include "src/base/result.h"

namespace timber::memtable {

// Everything that the running store goes on with.
struct OpenedStore {
    bool created = false;
    uint64_t store_id = 0;
    std::optional<FileHandle> lock;
    // For everybody who makes files in the directory; outlives the manifest.
    std::unique_ptr<DirectorySync> names;
    std::unique_ptr<ManifestFiles> manifest;  // renewed
    ManifestFiles::Report manifest_report;
    VersionRef version;
    // Greater than any number in the manifest, in the version, or in the name of a table file.
    FileNumber file_next;
    // Table files that the version does not hold, in order.
    std::vector<FileNumber> orphans;
};

// `open` opens the live files.
Result<OpenedStore> open_store(Disk& disk, const Options& options, const Version::OpenFile& open);

// Closes what `opened` holds; for a job.
void close_store(Disk& disk, OpenedStore& opened);

// Where the manifest is configured.
ManifestFiles::Config manifest_config(const Options& options);

}  // namespace timber::memtable
