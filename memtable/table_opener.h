#pragma once
// Opens the table files that a version shows, as the manifest knows them.
#include <string>

#include "memtable/block_cache.h"
#include "memtable/file_meta.h"
#include "memtable/version.h"
#include "src/base/io/disk.h"

namespace timber::memtable {

// From jobs. Disk, cache and `obsolete`, which hears of each file's end, outlive the files.
Version::OpenFile table_opener(Disk& disk, std::string directory, BlockCache& cache,
                               ObsoleteFiles* obsolete, bool direct);

}  // namespace timber::memtable
