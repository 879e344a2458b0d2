#pragma once
// The manifest on disk: CURRENT, the live manifest, and the other file, which stands ready to
// become the next one.
//
// An edit is durable once the record that carries it is, and CURRENT says so: both are written in
// turn, one at a time, so that whatever CURRENT says was there is there unless it was damaged, and
// at most one record is there of which CURRENT knows nothing. A manifest is written anew, as one
// record that tells the whole state, into the other file; then both slots of CURRENT name it, and
// the old one is made blank and stands ready.
//
// Thread:     for jobs, one at a time.
// Lifetime:   disk and names outlive it. Closed by close(), before it is destroyed.
// Invariants: M1  an edit that append() answered with success is in the state that the next opening
//                 finds, after all that were before it.
//             M2  at most one write to the live manifest or CURRENT is in flight.
//             M3  the manifest that CURRENT does not name may be lost at any time.
//             M4  both files are large enough for the whole state: an opening, which writes it
//                 anew, needs no space. An edit that would break this is refused (kNoSpace).
//             M5  once poisoned, no later call succeeds.
//             M6  an opening touches no manifest before what CURRENT says, and its name, are
//                 durable: what can be read may be gone after the next power cut.
// Failure:    a failed write or sync of the live manifest, or of CURRENT, poisons (M5): what the
//             next opening finds of that edit is unknown. Anything else leaves the state as it
//             was, and the call may be tried again: no space, or trouble with the other file.
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "memtable/current_file.h"
#include "memtable/manifest_file.h"
#include "memtable/manifest_format.h"
#include "memtable/version.h"
#include "memtable/version_edit.h"
#include "src/base/io/disk.h"
#include "src/base/random.h"
#include "src/base/result.h"

namespace timber::memtable {

class ManifestFiles {
  public:
    struct Config {
        std::string directory;
        // A file is at least so large; it grows with the state.
        uint64_t bytes_max = 4_MiB;
        // Of the manifests' draws.
        uint64_t seed = 1;
    };
    struct Report {
        uint64_t records = 0;
        uint64_t edits = 0;
        bool cut = false;
        std::string cut_file;
        uint64_t cut_offset = 0;
    };
    struct Counters {
        uint64_t bytes_written = 0;
        uint64_t records = 0;
        uint64_t edits = 0;
        uint64_t rewritten = 0;
    };

    // Makes the files of a new, empty store in an existing directory, and then CURRENT.
    static Status create(Disk& disk, DirectorySync& names, const Config& config, uint64_t store_id);
    // Reads what is there. Nothing is changed, and nothing may be acted upon, before renew().
    static Result<std::unique_ptr<ManifestFiles>> open(Disk& disk, DirectorySync& names,
                                                       const Config& config);
    ~ManifestFiles();

    const Report& report() const { return report_; }
    uint64_t store_id() const { return current_->newest().manifest.store; }
    // What the edits so far add up to; the files in it are not opened.
    const VersionRef& state() const { return state_; }

    // Ends an opening: what was read may not be durable, and its last record may be torn, so the
    // state, changed by `edit`, is written anew, and CURRENT names that.
    Status renew(const VersionEdit& edit);

    // Appends edits, in this order, all in one record: durable when it returns. An edit that does
    // not fit what is there is left out, and its place in `misfits` says why.
    Status append(std::span<const VersionEdit> edits, std::vector<std::optional<Error>>& misfits);

    // What keeps appends short: the other file is made anew, larger, or blank, or the manifest is
    // written anew because it has become long. One step at a time.
    bool due() const;
    Status tend();

    bool poisoned() const { return poisoned_; }
    const Counters& counters() const { return counters_; }
    void close();
    // M3 to M5, as far as memory shows them.
    void check_invariants() const;

  private:
    ManifestFiles(Disk& disk, DirectorySync& names, const Config& config);

    Status read();
    Status open_other();
    ManifestFile& live() { return files_[live_]; }
    ManifestFile& other() { return files_[1 - live_]; }
    const ManifestFile& live() const { return files_[live_]; }
    const ManifestFile& other() const { return files_[1 - live_]; }

    // Space. `needed` is what the whole state takes, in a file of its own.
    uint64_t bytes_needed(uint64_t state_bytes) const;
    uint64_t bytes_wanted(uint64_t needed) const;
    bool fits(size_t record_bytes) const;
    bool has_become_long() const;
    Status make_room(uint64_t needed, size_t record_bytes);
    Status grow_live(uint64_t needed);
    Status grow_other(uint64_t needed);
    Status ready_other(uint64_t needed);

    // Writing.
    Status append_record(std::vector<std::byte> record, uint32_t edits, VersionRef next);
    Status write_anew(VersionRef next);
    Result<CurrentSlot> write_first_record(size_t file, const ManifestId& id,
                                           std::vector<std::byte> record);
    Status erase_torn_tail();
    Status keep_what_was_read();
    Error poison(Error error);

    Disk& disk_;
    DirectorySync& names_;
    const Config config_;
    Random random_;
    std::array<ManifestFile, kManifestFiles> files_;
    std::optional<CurrentFile> current_;
    size_t live_ = 0;
    VersionRef state_;
    // Of the live manifest.
    uint64_t end_ = 0;
    uint64_t records_ = 0;
    uint64_t checksum_ = 0;
    // What the state takes, encoded, or somewhat more.
    uint64_t state_bytes_ = 0;
    Report report_;
    Counters counters_;
    bool renewed_ = false;
    bool poisoned_ = false;
};

}  // namespace timber::memtable
