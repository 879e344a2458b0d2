#pragma once
// One life of the storage engine and its owner: from a disk image, through opening, which is
// compared with the model, and a piece of the scenario's workload, to the end. What the life does
// follows from its seed alone, whoever watches.
//
// Thread:     one.
// Lifetime:   scenario and watcher outlive the life.
// Failure:    the first broken promise ends the life and is failure().
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/storage/storage_engine.h"
#include "tests/crash/engine/model.h"
#include "tests/crash/engine/workload.h"
#include "tests/crash/explorer.h"
#include "tests/crash/store/job_watch.h"
#include "tests/src/storage/commands.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sim_world.h"

namespace timber::storage {

struct EngineWorld;
using crash::Moment;

// What came of it.
struct LifeCounts {
    uint64_t commits = 0;  // acknowledged
    uint64_t applies = 0;
    uint64_t changes = 0;  // by value: creations, installs, ends
    uint64_t flushes = 0;
    uint64_t checks = 0;  // of everything, openings apart
    uint64_t openings = 0;
};

class Life : private EngineListener {
  public:
    using Start = crash::LifeStart<EngineWorld>;

    Life(const Scenario& scenario, Start start, crash::LifeWatcher<EngineWorld>& watcher);
    ~Life() override;

    void run();

    const std::optional<std::string>& failure() const { return failure_; }
    const SimDisk& disk() const { return *disk_; }
    const EngineModel& model() const { return model_; }
    const DiskImage& earlier_image() const { return earlier_image_; }
    bool opening() const { return opening_; }
    bool closed() const { return engine_ == nullptr; }
    crash::StateKinds kinds() const;
    const LifeCounts& counts() const { return counts_; }

  private:
    // EngineListener.
    void writable() override {}
    void entries_ready(RegionId) override { ++entries_ready_; }
    void compaction_wanted(RegionId region, raft::LogIndex index) override;
    void failed(const Error& error) override;

    // Opening and closing (life.cc).
    bool open_engine();
    Status try_open();
    void wait_for_opening(const std::optional<Status>& answer);
    Status check_recovered();
    void gather(RecoveredEngine& engine);
    Status read_rows(DataRows& rows);
    bool open_may_fail(const Error& error) const;
    void live_damaged();
    void close_engine();
    void reopen();
    void die();

    // Deeds (life_deeds.cc).
    void do_deeds();
    void do_deed(Deed deed);
    void on_loop(std::move_only_function<void()> deed);
    void check_after_deed();
    void quiet_end();
    void commit_some(RegionId but_not = {});
    void overwrite();
    void compact(RegionId region, raft::LogIndex index);
    void compact_some();
    uint64_t alive_regions() const;
    void create();
    void destroy();
    void install();
    void local();
    void flush();
    void apply_some();
    void apply(RegionId region, uint64_t count);
    void apply_entries(RegionId region, const std::vector<raft::Entry>& entries);
    void read_some();
    void read_all();
    void check_all();
    void wait_for_answers();
    void step_world(uint64_t count);
    void let_time_pass(Duration duration);
    void plan_fault();
    void change_space();

    // Commits (life_commits.cc).
    std::optional<RegionId> draw_region(bool alive);
    raft::Entry draw_entry(RegionId region, raft::LogIndex index, raft::Term term);
    raft::HardState draw_hard_state(RegionId region, const std::vector<raft::Entry>& entries);
    // In a task of the loop.
    void add_entries(WriteBatch& batch, ModelCommit& commit, RegionId region, uint64_t count);
    void commit(WriteBatch batch, ModelCommit commit, bool urgent = false);
    void answered(uint64_t number, const Status& status);
    raft::LogIndex applied_of(RegionId region) const;
    bool installing(RegionId region) const {
        const auto place = changing_.find(region);
        return place != changing_.end() && place->second.install;
    }
    void commit_install(RegionId region, std::shared_ptr<const RegionContents> contents,
                        SnapshotInstall install);
    Status write_snapshot(RegionId region, const RegionContents& contents,
                          std::vector<SnapshotFile>& files);
    std::vector<raft::Entry> read_entries(RegionId region, raft::LogIndex low, raft::LogIndex high);
    static std::string range_begin(RegionId region);
    static std::string range_end(RegionId region);

    bool log_full() const;
    bool may_fail(const Error& error) const;
    void fail(std::string what);

    const Scenario& scenario_;
    crash::LifeWatcher<EngineWorld>& watcher_;
    const bool damaged_;
    const size_t deeds_;
    Random random_;
    EngineModel model_;
    DiskImage earlier_image_;
    CommandApplier applier_;

    std::unique_ptr<SimWorld> world_;
    std::unique_ptr<memtable::JobWatch> jobs_;
    std::unique_ptr<SimLoop> loop_;
    std::unique_ptr<SimDisk> disk_;
    std::unique_ptr<StorageEngine> engine_;

    std::optional<std::string> failure_;
    LifeCounts counts_;
    bool dead_ = false;
    bool opening_ = false;
    bool log_write_ends_ = false;  // within the step: it has no effect yet
    bool faulted_ = false;
    bool short_of_space_ = false;
    bool was_short_ = false;  // a refusal may come later than the space
    // Regions that are left alone in this life: what they need, the log must keep for them.
    uint64_t quiet_regions_ = 0;
    bool engine_failed_ = false;
    size_t unanswered_ = 0;
    size_t entries_ready_ = 0;
    uint64_t values_made_ = 0;
    // Changes by value without an answer: the commit's number.
    struct Changing {
        uint64_t number = 0;
        bool install = false;
        bool end = false;
    };
    std::map<RegionId, Changing> changing_;
    std::vector<std::pair<RegionId, raft::LogIndex>> compactions_wanted_;
};

}  // namespace timber::storage
