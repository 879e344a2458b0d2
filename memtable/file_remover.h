#pragma once
// Closes the table files that nobody reads any more, and removes those that the manifest no longer
// holds, in the background and not faster than the disk can free their blocks without stalling
// others: a large file is cut from its end in steps before its name goes. (A hard link to a table
// file is therefore no copy of it.)
//
// Thread:     let_go() from any thread; everything else on the owner's loop. The work runs as jobs.
// Lifetime:   destroyed once close() has completed; every file was let go of before close().
// Invariants: FR1  at most one job runs.
//             FR2  a file is removed only once it is closed, and never one that `needed` knows.
//             FR3  no file that was found is removed before release_found().
//             FR4  at most one step's bytes are freed before the time that they take has passed.
// Failure:    a file that cannot be removed is tried again a few times, then left to the next
//             opening, for which it is an orphan.
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "memtable/file_meta.h"
#include "src/base/io/disk.h"
#include "src/base/io/event_loop.h"
#include "src/base/io/executor.h"
#include "src/base/mutex.h"

namespace timber::memtable {

class FileRemover : public ObsoleteFiles {
  public:
    struct Config {
        std::string directory;
        uint64_t bytes_per_second = 0;  // 0: no limit
        Duration retry_delay{};
    };
    // Whether a version, an unfinished ingest or the owner needs the file: asked on the loop.
    using Needed = std::function<bool(FileNumber)>;

    // So much is freed at once. 64 MiB at once held up others' syncs for 6 to 8 ms on the reference
    // machine, and 512 MiB for 38; 16 MiB for 3.
    static constexpr uint64_t kStepBytes = 8_MiB;
    static constexpr int kTriesMax = 5;

    FileRemover(Disk& disk, Executor& executor, EventLoop& loop, Config config, Needed needed);
    ~FileRemover() override;

    void let_go(std::shared_ptr<TableReader> reader, FileNumber number, uint64_t file_bytes,
                bool dropped) override;
    // From the job of an opening that failed, before anybody else knows of this: closes the files
    // that were let go of.
    void close_let_go();
    // A file that is not open: an orphan, or a reserved one that was given back.
    void remove(FileNumber number);

    // Files with numbers below `end` were found by this opening: none of them is removed before
    // release_found(), because the owner's log may still speak of it.
    void hold_found(FileNumber end) { found_end_ = end; }
    void release_found();

    // Files that are still to be removed.
    size_t pending() const { return removals_.size() + held_.size(); }
    uint64_t removed() const { return removed_; }
    // Nothing is closed or removed, or waits for its time.
    bool idle() const;

    // Closes the files that were let go of; removes nothing more. `closed` runs when no job is
    // left.
    void close(std::move_only_function<void()> closed);

  private:
    struct Removal {
        FileNumber number;
        int tries = 0;
    };
    // What let_go() hands over to the loop. Shared by this and the tasks that are posted.
    struct Inbox {
        Mutex mutex;
        std::vector<std::shared_ptr<TableReader>> readers TIMBER_GUARDED_BY(mutex);
        std::vector<FileNumber> dropped TIMBER_GUARDED_BY(mutex);
        bool posted TIMBER_GUARDED_BY(mutex) = false;
        FileRemover* remover = nullptr;  // the loop's; null once it is destroyed
    };
    struct Step;

    void take_in();
    void enqueue(FileNumber number);
    void work();
    void run_step(std::unique_ptr<Step> step);
    void carry_out(Step& step) const;
    Result<uint64_t> free_some(const std::string& path, bool& gone) const;
    void finish(const Step& step);
    void wait_for(Duration delay);

    Disk& disk_;
    Executor& executor_;
    EventLoop& loop_;
    const Config config_;
    const Needed needed_;
    const std::shared_ptr<Inbox> inbox_;

    std::vector<std::shared_ptr<TableReader>> closing_readers_;
    std::deque<Removal> removals_;
    FileNumber found_end_;
    std::vector<FileNumber> held_;
    uint64_t removed_ = 0;
    bool job_running_ = false;
    Timer timer_;  // armed: no step before it expires
    bool closing_ = false;
    std::move_only_function<void()> closed_;
};

}  // namespace timber::memtable
