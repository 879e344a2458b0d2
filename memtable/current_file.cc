#include "memtable/current_file.h"

#include <algorithm>

#include "src/base/aligned_buffer.h"
#include "src/base/io/log.h"

namespace timber::memtable {

Result<CurrentFile> CurrentFile::open(Disk& disk, const std::string& directory) {
    CurrentFile current;
    current.path_ = join_path(directory, kCurrentFileName);
    auto opened = disk.open(current.path_, {.direct = true});
    if (!opened) {
        Error error = std::move(opened).error();
        if (error.code == ErrorCode::kNotFound) {
            error.code = ErrorCode::kMissing;
            error.detail = "there is no store here";
        }
        return error;
    }
    current.file_ = *opened;
    // A process that was killed may have left a write to it in flight.
    Status read = disk.lock_after_holder(current.file_);
    if (read) read = current.read(disk);
    if (!read) {
        disk.close(current.file_);
        return std::move(read).error();
    }
    return current;
}

Status CurrentFile::read(Disk& disk) {
    AlignedBuffer buffer(kCurrentFileBytes);
    TIMBER_TRY(const size_t bytes,
               await_read(disk, file_, path_, 0, buffer.first(kCurrentFileBytes)));
    if (bytes < kCurrentFileBytes)
        return file_error(ErrorCode::kCorrupted, path_, bytes,
                          "CURRENT is cut short; restore it, or this replica from its peers");
    std::optional<Error> first_error;
    for (size_t index = 0; index < kCurrentSlots; ++index) {
        const uint64_t offset = index * kManifestBlockBytes;
        auto decoded = decode_current_slot(buffer.first(bytes).subspan(offset, kManifestBlockBytes),
                                           path_, offset);
        if (decoded) {
            slots_[index] = *decoded;
            newest_ = index;
        } else if (decoded.error().code == ErrorCode::kNewerFormat) {
            // A newer release's slot must not be overwritten with ours.
            return std::move(decoded).error();
        } else if (!first_error) {
            first_error = std::move(decoded).error();
        }
    }
    if (!slots_[0] && !slots_[1]) return *first_error;
    if (first_error)
        log_warning("one of two slots of CURRENT is unreadable and will be written anew: {}",
                    first_error->to_string());
    if (!whole()) return {};
    if (slots_[0]->manifest.store != slots_[1]->manifest.store)
        return file_error(ErrorCode::kCorrupted, path_, kManifestBlockBytes,
                          "the two slots of CURRENT are of different stores");
    newest_ = slots_[0]->sequence > slots_[1]->sequence ? 0 : 1;
    return {};
}

Status CurrentFile::create(Disk& disk, const std::string& directory, const CurrentSlot& slot) {
    const std::string temporary = join_path(directory, kCurrentTemporaryName);
    TIMBER_TRY(const FileHandle file, disk.open(temporary, {.create = true, .direct = true}));
    const auto fill = [&]() -> Status {
        AlignedBuffer buffer(kCurrentFileBytes);
        for (size_t index = 0; index < kCurrentSlots; ++index) {
            CurrentSlot copy = slot;
            copy.sequence = index + 1;
            encode_current_slot(copy,
                                buffer.first(kCurrentFileBytes)
                                    .subspan(index * kManifestBlockBytes, kManifestBlockBytes));
        }
        TIMBER_CHECK(
            await_write(disk, file, temporary, 0, ByteView(buffer.first(kCurrentFileBytes))));
        // Content before name: a CURRENT that can be seen is whole.
        return await_sync(disk, file, temporary);
    };
    const Status filled = fill();
    disk.close(file);
    TIMBER_CHECK(filled);
    const std::string path = join_path(directory, kCurrentFileName);
    TIMBER_CHECK(disk.rename(temporary, path));
    Status synced = disk.sync_directory(directory);
    // In doubt, and no later sync would tell: the next opening must not find it and go on.
    if (!synced) (void)disk.remove(path).ok();
    return synced;
}

Status CurrentFile::write(Disk& disk, CurrentSlot slot) {
    slot.sequence = newest().sequence + 1;
    const size_t other = 1 - newest_;
    AlignedBuffer block(kManifestBlockBytes);
    encode_current_slot(slot, block.first(kManifestBlockBytes));
    TIMBER_CHECK(await_write(disk, file_, path_, other * kManifestBlockBytes,
                             ByteView(block.first(kManifestBlockBytes)), true));
    slots_[other] = slot;
    newest_ = other;
    return {};
}

}  // namespace timber::memtable
