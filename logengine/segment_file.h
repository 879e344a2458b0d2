#pragma once
// One segment's file, and the straight-line work on it: make, give an identity, take it, remove.
//
// Thread:   the functions are for jobs.
// Failure:  a file whose making or renewing failed is of no use and removed as far as possible;
//           nothing refers to it yet.
#include <algorithm>
#include <memory>
#include <string>

#include "logengine/format.h"
#include "src/base/io/disk.h"

namespace timber::logengine {

// What all segments of a log share.
struct Geometry {
    std::string directory;
    LogId log_id;
    uint64_t segment_bytes = 0;

    // Where the first group of a segment begins.
    static constexpr uint32_t groups_begin() { return kBlockBytes; }
    // What is left for groups when both ends of padding are paid for.
    uint64_t usable_bytes() const { return segment_bytes - 4 * kBlockBytes; }
    // Shares of a segment, so that a group with the predecessor's directory, the checkpoint and the
    // largest batch always fits into an empty one (the sum is below 1: 0.625 for the batch, 0.125
    // for the checkpoint, 26/28 of 0.125 for the directory of a checkpoint's group).
    size_t batch_bytes_max() const {
        return std::min<uint64_t>(kBatchBytesMax, usable_bytes() / 8 * 5);
    }
    size_t checkpoint_bytes_max() const { return usable_bytes() / 8; }
};

struct Segment {
    uint32_t file_number = 0;
    std::string path;
    FileHandle file;
    SegmentId id;       // 0 while the file is no prepared segment
    SegmentId last_id;  // while it is none: what it was last, 0 if it never was one
    Lsn first_lsn;      // of its first group; 0 while it has none
    uint64_t end = 0;   // bytes from the start to where the next group goes
    uint64_t durable_groups = 0;
};

// What the work on a file cost, for the statistics.
struct DeviceCost {
    uint64_t bytes = 0;
    uint64_t writes = 0;
};

// Makes the file with its full size, allocated, zeroed and retired, and syncs it and its name.
// Under another name until then, so that recovery need not read what was not finished.
Result<std::unique_ptr<Segment>> create_segment_file(Disk& disk, const Geometry& geometry,
                                                     uint32_t file_number, DeviceCost& cost);

// Takes the identity of a segment that is not needed, durably: from then on nothing in it counts,
// and recovery need not read it.
Status retire_segment(Disk& disk, const Geometry& geometry, Segment& segment, DeviceCost& cost);

// Gives a retired file a fresh identity, durably: from then on it is an empty segment.
Status prepare_segment(Disk& disk, const Geometry& geometry, Segment& segment, SegmentId id,
                       Epoch epoch, DeviceCost& cost);

// Opens a segment's file and takes its lock, which writes of a process that was killed may hold for
// a moment yet.
Result<FileHandle> open_segment_file(Disk& disk, const std::string& path, OpenOptions options);

// Closes and removes, durably: released segments 1 and 2 were removed, and only 1 came back after a
// power cut; then 1 and 3 would look like a log that lost 2.
void remove_segment_file(Disk& disk, std::unique_ptr<Segment> segment);

}  // namespace timber::logengine
