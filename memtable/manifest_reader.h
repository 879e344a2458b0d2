#pragma once
// Reads the live manifest: what its records add up to, and how they end.
//
// Thread:   for jobs.
// Failure:  errors name the file and the place, and what to do.
#include <cstdint>
#include <string>

#include "memtable/manifest_format.h"
#include "memtable/version.h"
#include "src/base/io/disk.h"
#include "src/base/result.h"

namespace timber::memtable {

struct ManifestContents {
    // What the edits add up to. The files in it are not opened.
    VersionRef state;
    uint64_t file_bytes = 0;  // allocated ones, as its header says
    uint64_t end = 0;         // offset behind the last record, at a block
    uint64_t records = 0;
    uint64_t edits = 0;
    uint64_t checksum = 0;  // of the last record
    // How it ends: a row of manifest_table.h. If it is cut, a torn record stands at `end`.
    char row = 0;
    bool cut = false;
};

// `slot` is the newest of CURRENT; `slots` tells whether the other one is readable.
Result<ManifestContents> read_manifest(Disk& disk, FileHandle file, const std::string& path,
                                       const CurrentSlot& slot, bool both_slots_readable);

// A version's file that is not opened: for versions that only say what is there.
Result<TableFileRef> unopened_file(const FileMeta& meta);

// The edits in a record whose checksum holds, behind its header: how many there are must be
// `count`. Total.
Result<std::vector<VersionEdit>> decode_manifest_edits(ByteView bytes, uint32_t count);
// Appends one edit to a record.
void append_manifest_edit(const VersionEdit& edit, std::vector<std::byte>& record);

}  // namespace timber::memtable
