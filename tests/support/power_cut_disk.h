#pragma once
// A Disk around another that notes, before each change, how to take it back after a power cut
// (power_cut.h). For processes that are going to be killed.
//
// What is noted when, after the durability rules of disk.h:
//  - a write: what it replaced, before it is submitted; forgotten when it completes if it was
//    durable, else when a sync completes that was submitted after the write had completed;
//  - sizes (truncation, allocation, growth by a write): as writes; data that is durable keeps the
//    size that reading it needs;
//  - names: forgotten when a later sync of the directory completes; for a rename between two
//    directories, of either.
//
// To read what a write replaces, submit() waits for the disk, on a loop too. All names must lie in
// the file system of the keep directory, and nobody else may change the files.
//
// Thread:     as Disk.
// Lifetime:   `inner` and `power_cut` outlive it; one at a time uses a PowerCut. Made after the
//             fork. Nothing may be in flight when it is destroyed.
// Failure:    as the inner disk; trouble with its own files ends the process with a message.
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "src/base/io/forwarding_disk.h"
#include "src/base/mutex.h"
#include "tests/support/power_cut.h"

namespace timber {

class PowerCutDisk : public ForwardingDisk {
  public:
    PowerCutDisk(Disk& inner, PowerCut& power_cut);
    ~PowerCutDisk() override;

    void submit(IoOp& op) override;
    void wait(IoOp& op) override;

    Result<FileHandle> open(std::string_view path, OpenOptions options) override;
    void close(FileHandle file) override;
    Status truncate(FileHandle file, uint64_t bytes) override;
    Status rename(std::string_view from, std::string_view to) override;
    Status remove(std::string_view path) override;
    Status make_directory(std::string_view path) override;
    Status sync_directory(std::string_view directory) override;

  private:
    // An open file. Several handles of one inode each have their own.
    struct OpenFile {
        uint64_t inode;
        int fd;  // for looking at what a change replaces
    };
    // What is known of a record that is still in the log.
    struct Change {
        PowerCutKind kind{};
        uint64_t inode = 0;  // 0: a name
        uint64_t offset = 0;
        uint64_t end = 0;
        uint64_t old_size = 0;
        std::set<std::string> directories{};  // of a name
        bool completed = false;
    };
    struct Wrapped;

    void begin(Wrapped& wrapped);
    void end(Wrapped& wrapped, bool ok);

    static Change change_of(const PowerCutRecord& record);
    // Notes a change, not completed yet.
    uint64_t note_locked(const PowerCutRecord& record) TIMBER_REQUIRES(mutex_);
    void know_locked(uint64_t sequence, Change change) TIMBER_REQUIRES(mutex_);
    uint64_t note_write_locked(const IoOp& op) TIMBER_REQUIRES(mutex_);
    uint64_t note_resize_locked(const OpenFile& file, uint64_t new_size) TIMBER_REQUIRES(mutex_);
    // The write `sequence` became durable by itself.
    void note_durable_locked(const IoOp& op, uint64_t sequence) TIMBER_REQUIRES(mutex_);
    void forget_locked(uint64_t sequence) TIMBER_REQUIRES(mutex_);
    void forget_locked(const std::vector<uint64_t>& sequences) TIMBER_REQUIRES(mutex_);
    void forget_needless_locked(uint64_t inode) TIMBER_REQUIRES(mutex_);
    std::vector<uint64_t> completed_of_locked(uint64_t inode) TIMBER_REQUIRES(mutex_);
    std::vector<uint64_t> completed_in_locked(const std::string& directory) TIMBER_REQUIRES(mutex_);
    // The change of a name is over: a failed one is forgotten.
    Status end_name_locked(uint64_t sequence, Status status) TIMBER_REQUIRES(mutex_);
    void keep_locked(uint64_t inode, const std::string& path) TIMBER_REQUIRES(mutex_);
    void release_nameless_locked() TIMBER_REQUIRES(mutex_);

    PowerCut& power_cut_;
    Mutex mutex_;
    std::map<FileHandle, OpenFile> files_ TIMBER_GUARDED_BY(mutex_);
    std::map<uint64_t, Change> changes_ TIMBER_GUARDED_BY(mutex_);                 // by sequence
    std::map<uint64_t, std::set<uint64_t>> changes_of_ TIMBER_GUARDED_BY(mutex_);  // by inode
    std::set<uint64_t> kept_ TIMBER_GUARDED_BY(mutex_);  // inodes with a link
};

}  // namespace timber
