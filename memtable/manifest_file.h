#pragma once
// One of the two manifest files, as space: its bytes are allocated and written with zeros ahead, so
// that neither a record nor a whole new manifest can run out of space half way.
//
// A file is blank once every byte behind its first block is a durable zero; the first block then
// says so, and how many bytes there are. Blanking goes in steps, so that an append never waits for
// more than one.
//
// Thread:     for jobs, one at a time.
// Lifetime:   closed by close() or give_up().
// Invariants: MF1  bytes() are allocated, durably, also while the file is not blank.
//             MF2  use() comes before the first write of anything else than zeros.
// Failure:    no space to allocate changes nothing. After any other failure the file is given up:
//             what it holds is in doubt. create() makes another in its place.
#include <cstdint>
#include <optional>
#include <string>

#include "memtable/directory_sync.h"
#include "src/base/aligned_buffer.h"
#include "src/base/io/disk.h"
#include "src/base/result.h"

namespace timber::memtable {

class ManifestFile {
  public:
    explicit ManifestFile(std::string path) : path_(std::move(path)) {}

    // Opens the file that is there; it counts as in use, with nothing known of its size.
    Status open(Disk& disk);
    // Makes a file in the place of the one that is there, if any; its name is durable.
    Status create(Disk& disk, DirectorySync& names);
    bool usable() const { return file_.has_value(); }
    FileHandle handle() const { return *file_; }
    const std::string& path() const { return path_; }

    // Finds out whether it is blank: by its first block and by reading all of it. kForeign if it
    // belongs to another store.
    Status look_if_blank(Disk& disk, uint64_t store_id);
    // What is known otherwise: so many bytes are allocated.
    void set_bytes(uint64_t bytes) { bytes_ = allocated_ = bytes; }

    uint64_t bytes() const { return bytes_; }
    bool blank() const { return blank_; }

    // Makes it `bytes` long if it is shorter; kNoSpace leaves it as it was. The new part counts
    // once the file is blank.
    Status grow(Disk& disk, uint64_t bytes);
    // Goes on with blanking; true if there is more to do.
    Result<bool> blank_step(Disk& disk, uint64_t store_id);
    // The rest of the steps.
    Status make_blank(Disk& disk, uint64_t store_id);

    // Grows a file that is in use and not to be blanked; the new part is zeros. Any error but a
    // refusal to allocate leaves the file in doubt; `in_doubt` tells.
    Status grow_in_use(Disk& disk, uint64_t bytes, bool& in_doubt);

    // Something is written into it from now on.
    void use() {
        blank_ = false;
        zeroed_ = 0;
    }

    void close(Disk& disk);
    void give_up(Disk& disk);

  private:
    Status open_locked(Disk& disk, OpenOptions options);
    Status zero(Disk& disk, uint64_t from, uint64_t to);

    std::string path_;
    std::optional<FileHandle> file_;
    uint64_t bytes_ = 0;
    uint64_t allocated_ = 0;  // this time, perhaps not yet durably
    uint64_t zeroed_ = 0;     // written with zeros up to here, since it was used
    bool blank_ = false;
};

}  // namespace timber::memtable
