#pragma once
// One state store on a simulated disk, with verbs that read like a story: put, flush, crash,
// reopen, expect.
//
// Thread: the test's.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "memtable/store.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sim_world.h"

namespace timber::memtable {

using Contents = std::map<std::string, std::string>;

// Whether `status` is an error with this code, about a file whose path ends so, with such words.
testing::AssertionResult fails(const Status& status, ErrorCode code, std::string_view file = "",
                               std::string_view says = "");

// What became of something that completes later.
struct Answer {
    bool done = false;
    std::optional<Error> error;

    bool ok() const { return done && !error; }
};
using AnswerRef = std::shared_ptr<Answer>;  // owners: the test and the completion
testing::AssertionResult fails(const AnswerRef& answer, ErrorCode code, std::string_view file = "",
                               std::string_view says = "");

class StoreFixture : public StoreListener {
  public:
    // On an empty disk, or on `image`.
    explicit StoreFixture(uint64_t seed = 1, SimDisk::Options disk_options = {},
                          DiskImage image = {});
    ~StoreFixture() override;

    // Small tables, so that edges are frequent.
    Options options;
    SimWorld& world() { return *world_; }
    SimDisk& disk() { return *disk_; }
    Store& store() { return *store_; }
    EventLoop& loop() { return *loop_; }
    bool is_open() const { return store_ != nullptr; }

    // Lives.

    Status open(bool finish_recovery = true);
    // Opens it, as the next life of an orderly close.
    void reopen();
    // The store's jobs end; what is not flushed is gone.
    void close();
    // Asked for, and not waited for.
    std::shared_ptr<bool> begin_close();
    // The machine dies; afterwards open() finds what the death left.
    void crash(Death death, uint64_t seed);
    void crash_and_open(Death death = Death::kPowerCut, uint64_t seed = 1);
    // Before open(): from here on no task waits while time passes. For tests that run for a
    // duration and expect that what was due has happened.
    void use_fast_processor();
    // close() or crash() first: goes on with this image.
    void restart_on(DiskImage image);
    DiskImage settled_image() const;

    // Writing. Keys and values are text.

    Result<Sequence> write(const WriteBatch& batch);
    Sequence put(std::string_view key, std::string_view value, Family family = Family::kDefault);
    Sequence remove(std::string_view key, Family family = Family::kDefault);
    Sequence remove_range(std::string_view begin, std::string_view end,
                          Family family = Family::kDefault);
    // Keys "<prefix>0000" to "<prefix>(count - 1)", each with a value of so many bytes that tells
    // `version`.
    void put_many(std::string_view prefix, size_t count, size_t value_bytes = 100, int version = 1,
                  Family family = Family::kDefault);
    static std::string many_key(std::string_view prefix, size_t number);
    static std::string many_value(size_t number, size_t value_bytes, int version);

    AnswerRef begin_flush();
    AnswerRef begin_compact(Family family = Family::kDefault, KeyRange range = {});
    AnswerRef begin_settle();
    AnswerRef begin_ingest(IngestRequest request);
    // Runs until it is done, or nothing is left to run.
    AnswerRef wait(AnswerRef answer);
    // The same, and the answer must be good.
    void flush();
    void compact(Family family = Family::kDefault, KeyRange range = {});
    void settle();
    // Until nothing is left to do.
    void run() { world_->run_until_idle(); }

    // Reading, from a job.

    Result<std::optional<std::string>> get(std::string_view key, const Snapshot* snapshot = nullptr,
                                           Family family = Family::kDefault);
    // What an iterator shows from first to last, and, asserted to be the same, from last to first.
    Contents contents(Family family = Family::kDefault, const Snapshot* snapshot = nullptr);

    // Export and copy: the files of `from`'s range lie in this store's directory afterwards.
    Result<std::vector<ExportedFile>> export_range(KeyRange range, SnapshotRef snapshot = nullptr,
                                                   std::string_view prefix = "export-");
    // Reserves places in this store and puts the other's files there.
    std::vector<IngestFile> bring(StoreFixture& from, const std::vector<ExportedFile>& files);

    // Space.

    // How much the disk holds from now on, in this life and the next ones.
    void set_capacity(std::optional<uint64_t> bytes);
    // Leaves so many bytes free.
    void fill_disk(uint64_t bytes_left = 0);

    // What the store told.
    std::vector<Condition> conditions;
    std::vector<std::pair<Sequence, LogMark>> flushes;
    size_t times_writable = 0;
    // What the store is told when it seals.
    LogMark floor{1};

    // Names of the table files in the store's directory.
    std::vector<std::string> table_files() const;

    LogMark log_floor() override { return floor; }
    void flushed(Sequence flushed, LogMark log_floor) override {
        flushes.emplace_back(flushed, log_floor);
    }
    void condition_changed(Condition condition) override { conditions.push_back(condition); }
    void writable() override { ++times_writable; }

  private:
    void end_life();
    Store::Done done_of(const AnswerRef& answer);

    uint64_t seed_;
    SimWorld::Options world_options_;
    SimDisk::Options disk_options_;
    std::unique_ptr<SimWorld> world_;
    std::unique_ptr<SimLoop> loop_;
    std::unique_ptr<SimDisk> disk_;
    std::unique_ptr<Store> store_;
    std::shared_ptr<bool> closed_;  // once the store's end has begun
};

}  // namespace timber::memtable
