#include "logengine/creation.h"

#include <algorithm>

#include "logengine/control_file.h"
#include "logengine/write_depth.h"
#include "src/base/aligned_buffer.h"

namespace timber::logengine {

static constexpr uint64_t kSegmentBytesMin = 64_KiB;

static Status check(bool holds, const char* what) {
    if (holds) return {};
    return make_error(ErrorCode::kInvalidArgument, std::string("log option ") + what);
}

Status check_options(const Options& options) {
    TIMBER_CHECK(check(!options.directory.empty(), "directory: must not be empty"));
    TIMBER_CHECK(check(options.segment_bytes >= kSegmentBytesMin &&
                           options.segment_bytes <= kSegmentBytesMax &&
                           options.segment_bytes % kBlockBytes == 0,
                       "segment_bytes: must be a multiple of 4096 from 64 KiB to 1 GiB"));
    TIMBER_CHECK(check(
        options.writes_in_flight_max >= 1 && options.writes_in_flight_max <= WriteDepth::kDepthMax,
        "writes_in_flight_max: must be from 1 to 8"));
    TIMBER_CHECK(check(options.recovery_read_bytes >= kDirectAlignment &&
                           options.recovery_read_bytes % kDirectAlignment == 0,
                       "recovery_read_bytes: must be a multiple of 4096"));
    TIMBER_CHECK(check(options.pending_bytes_max > 0, "pending_bytes_max: must not be 0"));
    return check(options.group_bytes_target > 0, "group_bytes_target: must not be 0");
}

static bool is_scaffolding(std::string_view name) {
    return name == kLockFileName || name == kSuperblockTemporaryName ||
           parse_unfinished_file_name(name);
}

// A log that was in use has a group in one of its segments; one whose creation was cut short has
// none.
static Result<bool> segment_was_used(Disk& disk, const std::string& path) {
    TIMBER_TRY(const FileHandle file, disk.open(path, {.read_only = true, .direct = true}));
    constexpr size_t kLookBytes = 2 * kBlockBytes;
    AlignedBuffer buffer(kLookBytes);
    const auto read = await_read(disk, file, path, 0, buffer.first(kLookBytes));
    disk.close(file);
    if (!read) return read.error();
    if (*read < kLookBytes) return false;
    const auto header = decode_segment_header(buffer.first(kBlockBytes), path);
    if (!header) return false;
    return decode_group_header(buffer.first(kLookBytes).subspan(kBlockBytes), header->log_id)
        .has_value();
}

Result<bool> holds_log(Disk& disk, const Options& options) {
    const auto listed = disk.list(options.directory);
    if (!listed) {
        if (listed.error().code != ErrorCode::kNotFound) return listed.error();
        if (options.create) return false;
        return file_error(ErrorCode::kMissing, options.directory, "there is no log here");
    }
    const auto& names = *listed;
    if (std::ranges::find(names, kSuperblockFileName) != names.end()) return true;
    for (const std::string& name : names) {
        if (is_scaffolding(name)) continue;
        if (!parse_segment_file_name(name))
            return file_error(
                ErrorCode::kWrongFormat, options.directory,
                "the directory is no log's, it holds '" + name + "'; name another or an empty one");
        const std::string path = join_path(options.directory, name);
        TIMBER_TRY(const bool used, segment_was_used(disk, path));
        if (used)
            return file_error(ErrorCode::kMissing,
                              join_path(options.directory, kSuperblockFileName),
                              "the superblock is gone, but segments hold batches; restore it, or "
                              "this replica from its peers");
    }
    if (options.create) return false;
    return file_error(ErrorCode::kMissing, options.directory, "there is no log here");
}

static Status remove_leftovers(Disk& disk, const Options& options) {
    TIMBER_TRY(const std::vector<std::string> names, disk.list(options.directory));
    for (const std::string& name : names) {
        if (name != kLockFileName && (is_scaffolding(name) || parse_segment_file_name(name)))
            TIMBER_CHECK(disk.remove(join_path(options.directory, name)));
    }
    return {};
}

Status create_log(Disk& disk, const Options& options, DeviceCost& cost) {
    TIMBER_CHECK(remove_leftovers(disk, options));
    const Geometry geometry{options.directory, options.log_id, options.segment_bytes};
    // The first segment, and the one in reserve, so that opening never needs space.
    constexpr uint32_t kSegmentsAtFirst = 2;
    for (uint32_t number = 1; number <= kSegmentsAtFirst; ++number) {
        TIMBER_TRY(std::unique_ptr<Segment> segment,
                   create_segment_file(disk, geometry, number, cost));
        const Status prepared =
            number == 1 ? prepare_segment(disk, geometry, *segment, SegmentId(1), Epoch(1), cost)
                        : Status();
        disk.close(segment->file);
        TIMBER_CHECK(prepared);
    }
    // The directory's own name, which a power cut could otherwise take with all that is in it.
    // Before the superblock: the process dies between the two, the next one finds a log,
    // acknowledges, and never learns that the name was not durable.
    TIMBER_CHECK(disk.sync_directory(parent_path(options.directory)));
    TIMBER_TRY(const ControlFile control,
               ControlFile::create(disk, options.directory,
                                   {.log_id = options.log_id,
                                    .epoch = Epoch(1),
                                    .epoch_first_lsn = Lsn(1),
                                    .epoch_checksum = 0,
                                    .released_lsn = Lsn(),
                                    .block_bytes = kBlockBytes,
                                    .segment_bytes = options.segment_bytes}));
    disk.close(control.file());
    return {};
}

}  // namespace timber::logengine
