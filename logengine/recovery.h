#pragma once
// Opens a log's directory: makes a new log, or finds out what an existing one holds.
//
// Recovery walks the chain of groups from the oldest needed segment, shows every batch to the
// visitor, decides by the table (recovery_table.h) how the chain ends, makes durable what it
// accepted, begins a new epoch, and retires every file that is not part of the chain. Only then may
// anything be appended, or acted upon.
//
// Thread:   one job.
// Failure:  an error leaves the log as it was found, or as another recovery may find it.
#include <memory>
#include <vector>

#include "logengine/control_file.h"
#include "logengine/directory.h"
#include "logengine/log_engine.h"
#include "logengine/retained_records.h"
#include "logengine/segment_file.h"

namespace timber::logengine {

// Everything that the running engine goes on with.
struct OpenedLog {
    Geometry geometry;
    ControlFile control;
    FileHandle lock;
    std::vector<std::unique_ptr<Segment>> live;    // the chain, oldest first; at least one
    std::vector<std::unique_ptr<Segment>> spares;  // retired files
    SegmentId next_segment_id;
    uint32_t next_file_number = 0;
    Lsn next_lsn{1};
    Lsn released_lsn;
    uint64_t chain_checksum = 0;      // of the last group
    DirectoryBuilder last_directory;  // of the last group
    RetainedRecords retained;
    DeviceCost cost;
    OpenReport report;
};

Result<OpenedLog> open_log(Disk& disk, const Options& options, BatchVisitor& visitor);

// Closes every file of `log`; for a job.
void close_files(Disk& disk, OpenedLog& log);

}  // namespace timber::logengine
