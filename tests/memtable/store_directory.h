#pragma once
// A store's directory without the store: manifest, CURRENT and table files (a few bytes each, with
// their identity in them) on a simulated disk, with verbs that read like a story.
//
// Thread:   the test's.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "memtable/manifest_writer.h"
#include "memtable/options.h"
#include "memtable/store_opening.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sim_world.h"

namespace timber::memtable {

// Whether `status` is an error with this code, about a file whose path ends so, with such words.
testing::AssertionResult fails(const Status& status, ErrorCode code, std::string_view file = "",
                               std::string_view says = "");

// A file of the default family that holds the keys from `smallest` to `largest`.
FileMeta file_meta(uint64_t number, std::string smallest, std::string largest,
                   uint64_t sequence = 1);
// An edit that adds such a file to a level; file_next and sequence_last allow for it.
VersionEdit adding(FileMeta file, uint8_t level = 1);
VersionEdit removing(const FileMeta& file, uint8_t level = 1);

// What became of an append.
struct EditAnswer {
    bool done = false;
    std::optional<Error> error;
};

class StoreDirectory {
  public:
    explicit StoreDirectory(uint64_t seed = 1, SimDisk::Options disk_options = {},
                            DiskImage image = {});
    ~StoreDirectory();

    // A small manifest, so that edges are frequent.
    Options options;
    SimWorld& world() { return *world_; }
    SimDisk& disk() { return *disk_; }
    SimLoop& loop() { return *loop_; }
    ManifestWriter& manifest() { return *manifest_; }

    // Opens the directory and starts the manifest's writer.
    Status open();
    OpenedStore opened;
    // What the manifest tells now.
    VersionEdit state() const { return manifest_->state()->snapshot_edit(); }

    // Makes the files that an edit adds, durably, then appends the edit; the answer comes when the
    // world runs.
    std::shared_ptr<EditAnswer> append(VersionEdit edit);
    // The same, and runs until it is answered.
    EditAnswer append_and_wait(VersionEdit edit);
    void wait_for(const std::vector<std::shared_ptr<EditAnswer>>& answers);
    // Writes a file as its meta says, durably.
    void make_file(const FileMeta& meta);

    // Until nothing is left to do.
    void run() { world_->run_until_idle(); }
    void close();
    // The machine dies; afterwards open() finds what the death left.
    void crash(Death death, uint64_t seed);
    // close() or crash() first: goes on with this image.
    void restart_on(DiskImage image);
    // What the disk holds now, all of it durable.
    DiskImage settled_image() const;
    // How much the disk holds from now on, in this life and the next ones.
    void set_capacity(std::optional<uint64_t> bytes);
    // Leaves not one page free.
    void fill_disk();

    // How the stand-in for a table reader opens a file: checks size and identity.
    Result<TableFileRef> open_file(const FileMeta& meta);

  private:
    void end_life();

    uint64_t seed_;
    SimDisk::Options disk_options_;
    std::unique_ptr<SimWorld> world_;
    std::unique_ptr<SimLoop> loop_;
    std::unique_ptr<SimDisk> disk_;
    std::unique_ptr<ManifestWriter> manifest_;
};

}  // namespace timber::memtable
