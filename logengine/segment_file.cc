#include "logengine/segment_file.h"

#include <algorithm>

#include "src/base/aligned_buffer.h"
#include "src/base/io/log.h"
#include "src/base/mistake.h"

namespace timber::logengine {

// Zeroing goes in steps, so that commits on the same device wait for little at a time.
static constexpr size_t kZeroStepBytes = 256_KiB;

static Status zero_file(Disk& disk, const Segment& segment, uint64_t bytes, DeviceCost& cost) {
    AlignedBuffer zeros(std::min<uint64_t>(kZeroStepBytes, bytes));
    std::ranges::fill(zeros.first(zeros.capacity()), std::byte{0});
    for (uint64_t at = 0; at < bytes; at += zeros.capacity()) {
        const size_t step = std::min<uint64_t>(zeros.capacity(), bytes - at);
        TIMBER_CHECK(await_write(disk, segment.file, segment.path, at, zeros.first(step)));
        cost.bytes += step;
        ++cost.writes;
    }
    return {};
}

static Status write_header(Disk& disk, const Segment& segment, MutableBytes block, bool durable,
                           DeviceCost& cost) {
    ++cost.writes;
    cost.bytes += block.size();
    return await_write(disk, segment.file, segment.path, 0, block, durable);
}

static Status write_retired_header(Disk& disk, const Geometry& geometry, const Segment& segment,
                                   SegmentId last_id, DeviceCost& cost) {
    AlignedBuffer block(kBlockBytes);
    encode_retired_header(
        {.log_id = geometry.log_id, .segment = last_id, .file_number = segment.file_number},
        block.first(kBlockBytes));
    return write_header(disk, segment, block.first(kBlockBytes), true, cost);
}

static Status fill_segment_file(Disk& disk, const Geometry& geometry, const Segment& segment,
                                DeviceCost& cost) {
    // Written once with zeros, so that no later commit has to turn unwritten extents into written
    // ones: that would be a metadata change, and a journal commit, on the commit path.
    TIMBER_CHECK(await_allocate(disk, segment.file, segment.path, 0, geometry.segment_bytes));
    TIMBER_CHECK(zero_file(disk, segment, geometry.segment_bytes, cost));
    TIMBER_CHECK(await_sync(disk, segment.file, segment.path));
    return write_retired_header(disk, geometry, segment, SegmentId(), cost);
}

Result<FileHandle> open_segment_file(Disk& disk, const std::string& path, OpenOptions options) {
    TIMBER_TRY(const FileHandle file, disk.open(path, options));
    Status locked = disk.lock_after_holder(file);
    if (locked) return file;
    disk.close(file);
    Error error = std::move(locked).error();
    error.file = path;
    return error;
}

Result<std::unique_ptr<Segment>> create_segment_file(Disk& disk, const Geometry& geometry,
                                                     uint32_t file_number, DeviceCost& cost) {
    auto segment = std::make_unique<Segment>();
    segment->file_number = file_number;
    segment->path = join_path(geometry.directory,
                              segment_file_name(file_number) + std::string(kUnfinishedSuffix));
    TIMBER_TRY(segment->file,
               open_segment_file(disk, segment->path,
                                 {.create = true, .exclusive = true, .direct = true}));
    const auto finish = [&]() -> Status {
        TIMBER_CHECK(fill_segment_file(disk, geometry, *segment, cost));
        std::string path = join_path(geometry.directory, segment_file_name(file_number));
        TIMBER_CHECK(disk.rename(segment->path, path));
        segment->path = std::move(path);
        if (TIMBER_MISTAKE(log_directory_not_synced)) return {};
        return disk.sync_directory(geometry.directory);
    };
    Status finished = finish();
    if (finished) return segment;
    remove_segment_file(disk, std::move(segment));
    return std::move(finished).error();
}

Status retire_segment(Disk& disk, const Geometry& geometry, Segment& segment, DeviceCost& cost) {
    TIMBER_ASSERT(segment.id != SegmentId());
    TIMBER_CHECK(write_retired_header(disk, geometry, segment, segment.id, cost));
    segment.last_id = std::exchange(segment.id, SegmentId());
    segment.first_lsn = Lsn();
    segment.durable_groups = 0;
    return {};
}

Status prepare_segment(Disk& disk, const Geometry& geometry, Segment& segment, SegmentId id,
                       Epoch epoch, DeviceCost& cost) {
    TIMBER_ASSERT(segment.id == SegmentId());
    TIMBER_ASSERT_OP(segment.last_id, <, id);
    AlignedBuffer block(kBlockBytes);
    encode_segment_header({.log_id = geometry.log_id,
                           .segment = id,
                           .epoch = epoch,
                           .block_bytes = kBlockBytes,
                           .segment_bytes = geometry.segment_bytes},
                          block.first(kBlockBytes));
    const bool reused = segment.last_id != SegmentId();
    if (!(TIMBER_MISTAKE(log_identity_kept) && reused)) {
        TIMBER_CHECK(write_header(disk, segment, block.first(kBlockBytes),
                                  !TIMBER_MISTAKE(log_identity_not_durable), cost));
    }
    segment.id = id;
    segment.end = geometry.groups_begin();
    return {};
}

void remove_segment_file(Disk& disk, std::unique_ptr<Segment> segment) {
    disk.close(segment->file);
    Status removed = disk.remove(segment->path);
    if (removed) removed = disk.sync_directory(parent_path(segment->path));
    if (!removed && removed.error().code != ErrorCode::kCrashed)
        log_warning("an unneeded log segment stays behind: {}", removed.error().to_string());
}

}  // namespace timber::logengine
