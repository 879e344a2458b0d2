#include "logengine/control_file.h"

#include <algorithm>

#include "src/base/aligned_buffer.h"
#include "src/base/io/log.h"
#include "src/base/mistake.h"

namespace timber::logengine {

Result<ControlFile> ControlFile::open(Disk& disk, const std::string& directory) {
    ControlFile control;
    control.path_ = join_path(directory, kSuperblockFileName);
    auto opened = disk.open(control.path_, {.direct = true});
    if (!opened) {
        Error error = std::move(opened).error();
        if (error.code == ErrorCode::kNotFound) {
            error.code = ErrorCode::kMissing;
            error.detail = "there is no log here";
        }
        return error;
    }
    control.file_ = *opened;
    Status read = disk.lock_after_holder(control.file_);
    if (read) read = control.read(disk);
    if (!read) {
        disk.close(control.file_);
        return std::move(read).error();
    }
    return control;
}

Status ControlFile::read(Disk& disk) {
    AlignedBuffer buffer(kSuperblockFileBytes);
    TIMBER_TRY(const size_t bytes,
               await_read(disk, file_, path_, 0, buffer.first(kSuperblockFileBytes)));
    if (bytes < kSuperblockSlots * kControlBlockBytes)
        return file_error(ErrorCode::kCorrupted, path_, bytes,
                          "the superblock file is cut short; restore it, or this replica");
    std::optional<Error> first_error;
    bool found = false;
    for (size_t slot = 0; slot < kSuperblockSlots; ++slot) {
        const uint64_t offset = slot * kControlBlockBytes;
        auto decoded = decode_superblock(buffer.first(bytes).subspan(offset, kControlBlockBytes),
                                         path_, offset);
        if (!decoded) {
            // A newer release's superblock must not be overwritten with ours.
            if (decoded.error().code == ErrorCode::kNewerFormat) return std::move(decoded).error();
            if (!first_error) first_error = std::move(decoded).error();
        } else if (found && decoded->log_id != superblock_.log_id) {
            return file_error(ErrorCode::kCorrupted, path_, offset,
                              "the two copies of the superblock are of different logs");
        } else if (!found || decoded->epoch > superblock_.epoch) {
            superblock_ = *decoded;
            newer_slot_ = slot;
            found = true;
        }
    }
    if (!found) return *first_error;
    if (first_error)
        log_warning("one of two superblock copies is unreadable and will be written anew: {}",
                    first_error->to_string());
    for (size_t slot = kSuperblockSlots; slot < kSuperblockSlots + kWitnessSlots; ++slot) {
        const uint64_t offset = slot * kControlBlockBytes;
        if (offset + kControlBlockBytes > bytes) break;
        // A witness that cannot be read is one that is not there: the log does without.
        const auto decoded =
            decode_witness(buffer.first(bytes).subspan(offset, kControlBlockBytes), path_, offset);
        if (decoded && decoded->log_id == superblock_.log_id &&
            (!witness_ || decoded->sequence > witness_->sequence))
            witness_ = *decoded;
    }
    return {};
}

Result<ControlFile> ControlFile::create(Disk& disk, const std::string& directory,
                                        const Superblock& superblock) {
    const std::string temporary = join_path(directory, kSuperblockTemporaryName);
    ControlFile control;
    control.path_ = join_path(directory, kSuperblockFileName);
    control.superblock_ = superblock;
    TIMBER_TRY(control.file_, disk.open(temporary, {.create = true, .direct = true}));
    const auto fill = [&]() -> Status {
        AlignedBuffer buffer(kSuperblockFileBytes);
        std::ranges::fill(buffer.first(kSuperblockFileBytes), std::byte{0});
        for (size_t slot = 0; slot < kSuperblockSlots; ++slot)
            encode_superblock(superblock,
                              buffer.first(kSuperblockFileBytes)
                                  .subspan(slot * kControlBlockBytes, kControlBlockBytes));
        TIMBER_CHECK(
            await_write(disk, control.file_, temporary, 0, buffer.first(kSuperblockFileBytes)));
        // Content before name: a superblock that can be seen is whole.
        TIMBER_CHECK(await_sync(disk, control.file_, temporary));
        TIMBER_CHECK(disk.rename(temporary, control.path_));
        return disk.sync_directory(directory);
    };
    Status filled = fill();
    if (!filled) {
        disk.close(control.file_);
        return std::move(filled).error();
    }
    return control;
}

Status ControlFile::begin_epoch(Disk& disk, Lsn first_lsn, uint64_t checksum, Lsn released_lsn) {
    if (!TIMBER_MISTAKE(log_epoch_reused)) {
        ++superblock_.epoch;
        superblock_.epoch_first_lsn = first_lsn;
        superblock_.epoch_checksum = checksum;
        superblock_.released_lsn = released_lsn;
    }
    // The older copy first: until it is durable the newer one still tells the last epoch.
    const size_t older_slot = 1 - newer_slot_;
    TIMBER_CHECK(write_superblock(disk, older_slot));
    return write_superblock(disk, newer_slot_);
}

Status ControlFile::write_superblock(Disk& disk, size_t slot) {
    AlignedBuffer block(kControlBlockBytes);
    encode_superblock(superblock_, block.first(kControlBlockBytes));
    return await_write(disk, file_, path_, slot * kControlBlockBytes,
                       block.first(kControlBlockBytes), true);
}

}  // namespace timber::logengine
