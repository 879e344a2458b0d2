#pragma once
// One atomic change of the manifest: what a flush, a compaction or an ingest does to the set of
// live files. FORMAT.md draws its encoding.
#include <cstdint>
#include <optional>
#include <vector>

#include "memtable/file_meta.h"
#include "memtable/types.h"
#include "src/base/bytes.h"
#include "src/base/result.h"

namespace timber::memtable {

struct VersionEdit {
    struct Added {
        uint8_t level = 0;
        FileMeta file;
        friend bool operator==(const Added&, const Added&) = default;
    };
    struct Removed {
        Family family = Family::kDefault;
        uint8_t level = 0;
        FileNumber number;
        friend bool operator==(const Removed&, const Removed&) = default;
    };

    std::vector<Removed> removed;  // taken out first, then
    std::vector<Added> added;
    // All families hold everything up to here; of a flush.
    std::optional<Sequence> flushed;
    // Below it the log is no longer needed for this store; with `flushed`.
    std::optional<LogMark> log_floor;
    // No operation has a greater one in any live file.
    std::optional<Sequence> sequence_last;
    // No file, live or dropped, has this number or a greater one.
    std::optional<FileNumber> file_next;

    friend bool operator==(const VersionEdit&, const VersionEdit&) = default;
};

void encode(const VersionEdit& edit, std::vector<std::byte>& to);
// Total: any bytes give an edit or an error that says what is wrong with them.
Result<VersionEdit> decode_version_edit(ByteView bytes);

}  // namespace timber::memtable
