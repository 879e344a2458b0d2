#pragma once
// Makes a new log in an empty directory.
//
// The segments come first and the superblock last, under a temporary name until it is whole: a
// directory with a superblock is a log, and what a crash left of a creation without one is cleared
// away by the next.
//
// Thread:   for jobs.
#include <string>
#include <vector>

#include "logengine/log_engine.h"
#include "logengine/segment_file.h"

namespace timber::logengine {

// kInvalidArgument where an option is outside its documented range.
Status check_options(const Options& options);

// Whether `directory` holds a log's superblock. kWrongFormat if it holds files that are no log's,
// kMissing if there is no log, or only what is left of one, and `create` is false, or if the
// superblock of a log that was used is gone.
Result<bool> holds_log(Disk& disk, const Options& options);

// Makes the log's files. `holds_log` said that there is none.
Status create_log(Disk& disk, const Options& options, DeviceCost& cost);

}  // namespace timber::logengine
