// The life of a simulated disk, and its file operations.
#include "tests/support/sim_disk.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace timber {

// Of a disk without a limit.
static constexpr uint64_t kUnlimitedBytes = uint64_t{1} << 50;

SimDisk::SimDisk(SimWorld& world, Options options, DiskImage image)
    : world_(world), options_(options), image_(std::move(image)) {}

SimDisk::~SimDisk() { TIMBER_ASSERT(pending_.empty()); }

void SimDisk::fail_nth(uint64_t nth, DiskOperation operation, std::string_view path_contains,
                       ErrorCode error) {
    inject({.operation = operation,
            .path_contains = std::string(path_contains),
            .nth = nth,
            .error = error});
}

void SimDisk::deny(std::string_view path_contains) {
    for (const DiskOperation operation :
         {DiskOperation::kOpen, DiskOperation::kRename, DiskOperation::kRemove,
          DiskOperation::kMakeDirectory, DiskOperation::kList}) {
        inject({.operation = operation,
                .path_contains = std::string(path_contains),
                .count = Fault::kForever,
                .error = ErrorCode::kPermissionDenied});
    }
}

Duration SimDisk::draw(LatencyRange range) {
    const auto width = static_cast<uint64_t>((range.max - range.min).count());
    return range.min + Duration(static_cast<int64_t>(world_.random().between(0, width)));
}

void SimDisk::announce(DiskStep::Kind kind, DiskOperation operation, std::string_view path,
                       uint64_t offset, uint64_t bytes) {
    ++steps_;
    world_.trace((static_cast<uint64_t>(kind) << 8) | static_cast<uint64_t>(operation));
    world_.trace(offset);
    if (hook_) hook_({steps_, kind, operation, path, offset, bytes});
}

static Error crashed_error() { return {.code = ErrorCode::kCrashed}; }

// Runs `effect` at some instant between now and its return.
template <typename T, typename Effect>
Result<T> SimDisk::file_operation(DiskOperation operation, std::string_view path, Effect effect) {
    TIMBER_ASSERT(world_.current_job() != nullptr);
    if (crashed_) {
        world_.sleep(Duration(1));
        return crashed_error();
    }
    const std::optional<Fault> fault = faults_.next(operation, path, options_, world_.random());
    const bool stalls = fault && fault->kind == FaultKind::kStall;
    world_.sleep(stalls ? options_.stall : draw(options_.file_operation_latency));
    if (crashed_) return crashed_error();
    announce(DiskStep::Kind::kFileOperation, operation, path);
    if (crashed_) return crashed_error();
    if (fault && fault->kind == FaultKind::kError) {
        if (operation == DiskOperation::kSyncDirectory) {
            if (const auto node = image_.find(path))
                image_.doubt_directory(*node, image_.last_change());
        }
        return Error{.code = fault->error, .file = std::string(path), .detail = "injected"};
    }
    Result<T> result = effect();
    // Now and then it returns at once; otherwise there is time to die between effect and return.
    if (world_.random().one_in(2)) world_.sleep(draw(options_.file_operation_latency));
    if (crashed_) return crashed_error();
    if (!result) {
        Error error = std::move(result).error();
        error.file = path;
        return error;
    }
    return result;
}

SimDisk::OpenFile& SimDisk::opened(FileHandle file) {
    const auto found = open_.find(file);
    TIMBER_ASSERT(found != open_.end());
    return found->second;
}

Result<FileHandle> SimDisk::open(std::string_view path, OpenOptions options) {
    std::optional<FileHandle> opened_handle;
    Result<FileHandle> result = file_operation<FileHandle>(DiskOperation::kOpen, path, [&] {
        Result<FileHandle> handle = open_now(path, options);
        if (handle.ok()) opened_handle = *handle;
        return handle;
    });
    // Whoever died in between never had the handle, and cannot close it.
    if (!result && opened_handle) open_.erase(*opened_handle);
    return result;
}

Result<FileHandle> SimDisk::open_now(std::string_view path, OpenOptions options) {
    std::optional<NodeId> node = image_.find(path);
    if (node && image_.is_directory(*node))
        return Error{.code = ErrorCode::kIoError, .os_error = EISDIR};
    if (node && options.create && options.exclusive)
        return Error{.code = ErrorCode::kAlreadyExists, .os_error = EEXIST};
    if (!node) {
        if (!options.create) return Error{.code = ErrorCode::kNotFound, .os_error = ENOENT};
        TIMBER_TRY(node, image_.create_file(path));
    }
    // Never used before in this world, so that a handle of an earlier life is noticed.
    const FileHandle handle(static_cast<uint32_t>(world_.next_number()));
    open_.emplace(handle, OpenFile{.node = *node,
                                   .path = std::string(path),
                                   .read_only = options.read_only,
                                   .direct = options.direct && options_.direct_io_supported});
    return handle;
}

void SimDisk::close(FileHandle file) {
    TIMBER_ASSERT(crashed_ || world_.current_job() != nullptr);
    const OpenFile& closed = opened(file);
    TIMBER_ASSERT_OP(closed.in_flight, ==, 0u);
    if (!crashed_) announce(DiskStep::Kind::kFileOperation, DiskOperation::kClose, closed.path);
    open_.erase(file);
}

Result<uint64_t> SimDisk::size(FileHandle file) {
    const OpenFile& asked = opened(file);
    return file_operation<uint64_t>(DiskOperation::kSize, asked.path, [&]() -> Result<uint64_t> {
        return image_.file(asked.node).size();
    });
}

Status SimDisk::truncate(FileHandle file, uint64_t bytes) {
    const OpenFile& cut = opened(file);
    return file_operation<void>(DiskOperation::kTruncate, cut.path, [&]() -> Status {
        if (cut.read_only) return Error{.code = ErrorCode::kIoError, .os_error = EINVAL};
        image_.mutable_file(cut.node).truncate(image_.next_change(), bytes);
        return {};
    });
}

Status SimDisk::rename(std::string_view from, std::string_view to) {
    return file_operation<void>(DiskOperation::kRename, from,
                                [&] { return image_.rename(from, to); });
}

Status SimDisk::remove(std::string_view path) {
    return file_operation<void>(DiskOperation::kRemove, path, [&] { return image_.remove(path); });
}

Status SimDisk::make_directory(std::string_view path) {
    return file_operation<void>(DiskOperation::kMakeDirectory, path,
                                [&] { return image_.make_directory(path); });
}

Result<std::vector<std::string>> SimDisk::list(std::string_view directory) {
    return file_operation<std::vector<std::string>>(DiskOperation::kList, directory,
                                                    [&] { return image_.list(directory); });
}

Status SimDisk::sync_directory(std::string_view directory) {
    // What changes while the sync is under way is not covered.
    const ChangeId last = image_.last_change();
    return file_operation<void>(DiskOperation::kSyncDirectory, directory, [&]() -> Status {
        TIMBER_CHECK(image_.list(directory));
        image_.sync_directory(*image_.find(directory), last);
        image_.forget_unreachable(open_nodes());
        return {};
    });
}

Status SimDisk::lock(FileHandle file) {
    return file_operation<void>(DiskOperation::kLock, opened(file).path,
                                [&] { return lock_now(file); });
}

Status SimDisk::lock_now(FileHandle file) {
    OpenFile& locked = opened(file);
    const bool held_elsewhere = std::ranges::any_of(open_, [&](const auto& each) {
        return each.first != file && each.second.node == locked.node && each.second.holds_lock;
    });
    if (held_elsewhere) return Error{.code = ErrorCode::kLocked, .os_error = EWOULDBLOCK};
    locked.holds_lock = true;
    return {};
}

std::set<NodeId> SimDisk::open_nodes() const {
    std::set<NodeId> nodes;
    for (const auto& [handle, file] : open_) nodes.insert(file.node);
    return nodes;
}

uint64_t SimDisk::pages_free() const {
    if (!options_.capacity_bytes) return kUnlimitedBytes / kPageBytes;
    const uint64_t capacity = *options_.capacity_bytes / kPageBytes;
    return capacity - std::min(capacity, image_.pages_used(open_nodes()));
}

Result<uint64_t> SimDisk::free_space(std::string_view directory) {
    return file_operation<uint64_t>(DiskOperation::kFreeSpace, directory,
                                    [&]() -> Result<uint64_t> {
                                        TIMBER_CHECK(image_.list(directory));
                                        return pages_free() * kPageBytes;
                                    });
}

}  // namespace timber
