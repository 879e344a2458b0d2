#include "memtable/manifest_file.h"

#include <algorithm>
#include <cstring>

#include "memtable/manifest_format.h"

namespace timber::memtable {

// Zeroing and looking for zeros go in steps, so that others on the same device, and an append that
// waits, wait for little at a time.
static constexpr size_t kBlankStepBytes = 256_KiB;

Status ManifestFile::open_locked(Disk& disk, OpenOptions options) {
    TIMBER_ASSERT(!usable());
    TIMBER_TRY(const FileHandle file, disk.open(path_, options));
    // A process that was killed may have left a write to it in flight.
    Status locked = disk.lock_after_holder(file);
    if (!locked) {
        disk.close(file);
        Error error = std::move(locked).error();
        error.file = path_;
        return error;
    }
    file_ = file;
    return {};
}

Status ManifestFile::open(Disk& disk) { return open_locked(disk, {.direct = true}); }

Status ManifestFile::create(Disk& disk, DirectorySync& names) {
    TIMBER_ASSERT(!usable());
    const uint64_t sync_failures_before = names.failures();
    const Status removed = disk.remove(path_);
    if (!removed && removed.error().code != ErrorCode::kNotFound) return removed;
    TIMBER_CHECK(open_locked(disk, {.create = true, .exclusive = true, .direct = true}));
    bytes_ = allocated_ = zeroed_ = 0;
    blank_ = false;
    const Status synced = names.sync(sync_failures_before);
    // Or else the name may vanish with a power cut after CURRENT spoke of the file.
    if (!synced) give_up(disk);
    return synced;
}

void ManifestFile::close(Disk& disk) {
    if (file_) disk.close(*file_);
    file_.reset();
}

void ManifestFile::give_up(Disk& disk) {
    close(disk);
    bytes_ = allocated_ = zeroed_ = 0;
    blank_ = false;
}

// Each byte equals its neighbour: a megabyte a store's opening is too much to look at one by one.
static bool all_zero(ByteView bytes) {
    return bytes.empty() || (bytes.front() == std::byte{0} &&
                             std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

Status ManifestFile::look_if_blank(Disk& disk, uint64_t store_id) {
    AlignedBuffer block(kManifestBlockBytes);
    TIMBER_TRY(size_t got, await_read(disk, *file_, path_, 0, block.first(kManifestBlockBytes)));
    const auto header = decode_manifest_header(block.first(got), path_);
    if (!header) {
        // A crash while it was made blank, or damage that harms nobody. But what a newer release
        // wrote is not ours to overwrite.
        if (header.error().code == ErrorCode::kNewerFormat) return header.error();
        return {};
    }
    if (header->id.store != store_id)
        return file_error(ErrorCode::kForeign, path_, 0,
                          "it belongs to another store; move it to where it belongs");
    TIMBER_TRY(const uint64_t size, disk.size(*file_));
    // Allocated before it was blank, so it still is, unless somebody cut it.
    set_bytes(std::min<uint64_t>(header->file_bytes, round_down(size, kManifestBlockBytes)));
    if (header->id.number != 0 || bytes_ != header->file_bytes) return {};
    AlignedBuffer buffer(std::clamp<uint64_t>(bytes_, kManifestBlockBytes, kBlankStepBytes));
    for (uint64_t at = kManifestBlockBytes; at < bytes_; at += got) {
        const size_t step = std::min<uint64_t>(kBlankStepBytes, bytes_ - at);
        TIMBER_TRY(got, await_read(disk, *file_, path_, at, buffer.first(step)));
        if (got < step || !all_zero(buffer.first(got))) return {};
    }
    zeroed_ = bytes_;
    blank_ = true;
    return {};
}

Status ManifestFile::grow(Disk& disk, uint64_t bytes) {
    if (bytes <= allocated_) return {};
    // From the beginning: what was allocated by an earlier life is known only as far as its header
    // says, and to allocate it once more costs nothing.
    const Status allocated = await_allocate(disk, *file_, path_, 0, bytes);
    if (!allocated) {
        if (allocated.error().code != ErrorCode::kNoSpace) give_up(disk);
        return allocated;
    }
    allocated_ = bytes;
    blank_ = false;
    return {};
}

Status ManifestFile::zero(Disk& disk, uint64_t from, uint64_t to) {
    AlignedBuffer zeros(std::min<uint64_t>(kBlankStepBytes, to - from));
    std::ranges::fill(zeros.first(zeros.capacity()), std::byte{0});
    for (uint64_t at = from; at < to; at += zeros.capacity()) {
        const size_t step = std::min<uint64_t>(zeros.capacity(), to - at);
        TIMBER_CHECK(await_write(disk, *file_, path_, at, ByteView(zeros.first(step))));
    }
    return {};
}

Result<bool> ManifestFile::blank_step(Disk& disk, uint64_t store_id) {
    if (blank_) return false;
    const auto step = [&]() -> Status {
        if (zeroed_ < allocated_) {
            const uint64_t to = std::min<uint64_t>(zeroed_ + kBlankStepBytes, allocated_);
            TIMBER_CHECK(zero(disk, zeroed_, to));
            zeroed_ = to;
            return {};
        }
        TIMBER_CHECK(await_sync(disk, *file_, path_));
        AlignedBuffer block(kManifestBlockBytes);
        encode_manifest_header({.id = {.store = store_id}, .file_bytes = allocated_},
                               block.first(kManifestBlockBytes));
        TIMBER_CHECK(
            await_write(disk, *file_, path_, 0, ByteView(block.first(kManifestBlockBytes)), true));
        bytes_ = allocated_;
        blank_ = true;
        return {};
    };
    const Status stepped = step();
    if (!stepped) {
        give_up(disk);
        return stepped.error();
    }
    return !blank_;
}

Status ManifestFile::make_blank(Disk& disk, uint64_t store_id) {
    for (bool more = true; more;) {
        TIMBER_TRY(more, blank_step(disk, store_id));
    }
    return {};
}

Status ManifestFile::grow_in_use(Disk& disk, uint64_t bytes, bool& in_doubt) {
    in_doubt = false;
    if (bytes <= bytes_) return {};
    TIMBER_CHECK(await_allocate(disk, *file_, path_, 0, bytes));
    in_doubt = true;
    TIMBER_CHECK(zero(disk, bytes_, bytes));
    TIMBER_CHECK(await_sync(disk, *file_, path_));
    in_doubt = false;
    set_bytes(bytes);
    return {};
}

}  // namespace timber::memtable
