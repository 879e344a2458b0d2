#pragma once
// One life of the state store and its owner: from a disk image, through opening, which is compared
// with the model, and a piece of the scenario's workload, to the end. What the life does follows
// from its seed alone, whoever watches.
//
// Thread:     one.
// Lifetime:   scenario and watcher outlive the life.
// Failure:    the first broken promise ends the life and is failure().
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "memtable/store.h"
#include "tests/crash/explorer.h"
#include "tests/crash/store/job_watch.h"
#include "tests/crash/store/model.h"
#include "tests/crash/store/workload.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sim_world.h"

namespace timber::memtable {

struct StoreWorld;
using crash::Moment;

class Life : private StoreListener {
  public:
    using Start = crash::LifeStart<StoreWorld>;

    Life(const Scenario& scenario, Start start, crash::LifeWatcher<StoreWorld>& watcher);
    ~Life() override;

    void run();
    // The same with deeds that were drawn before, each from a seed of its own, so that some can be
    // left out without changing the others. Ends with everything compared once more.
    struct ScriptedDeed {
        Deed deed;
        uint64_t seed;
    };
    void run_script(const std::vector<ScriptedDeed>& script);

    const std::optional<std::string>& failure() const { return failure_; }
    const SimDisk& disk() const { return *disk_; }
    const StoreModel& model() const { return model_; }
    // As it was at some earlier time, for damage that brings an old sector back.
    const DiskImage& earlier_image() const { return earlier_image_; }
    bool opening() const { return opening_; }
    crash::StateKinds kinds() const;

  private:
    struct HeldSnapshot {
        SnapshotRef snapshot;
        std::shared_ptr<const Contents> contents;
    };
    // An iterator that lives on over whatever happens, and what it must show.
    struct HeldIterator {
        std::unique_ptr<StoreIterator> iterator;
        std::string lower;
        std::string upper;
        Rows rows;                // within the bounds, as they were
        Rows::const_iterator at;  // rows.end() while it is not valid
    };

    // StoreListener.
    LogMark log_floor() override { return model_.log_floor() + (writing_ ? 1 : 0); }
    void flushed(Sequence flushed, LogMark floor) override;
    void condition_changed(Condition condition) override;

    // Opening and closing (life.cc).
    bool open_store();
    Status try_open();
    Status check_recovered();
    Status read_contents(const Snapshot* snapshot, Contents& contents);
    Status read_family(const ReadOptions& options, Family family, bool backward, Rows& rows);
    bool open_may_fail(const Error& error) const;
    void close_store();
    void reopen();
    void die();
    void finish_recovery();
    void redo_lost();

    // Deeds (life_deeds.cc).
    void do_deeds();
    void do_deed(Deed deed);
    void check_after_deed();
    void quiet_end();
    void write_some(size_t operations, size_t value_bytes_max);
    void write(const WriteBatch& batch);
    bool apart_from_ingest(Family family, std::string_view key) const;
    void write_bulk();
    void remove_range();
    void flush();
    void compact();
    void snapshot();
    void read_some();
    void scan();
    void wait_for_answers();
    void settle();
    void step_world(uint64_t count);
    void let_time_pass(Duration duration);
    void reserve();
    void plan_fault();
    void change_space();
    size_t tables_too_many() const;
    size_t tables_live() const;
    void check_files();
    bool may_fail(const Error& error) const;

    // Iterators (life_iterators.cc).
    void iterate();
    void open_iterator();
    void move_iterator(HeldIterator& held);
    void check_position(HeldIterator& held, const char* move);

    // Ingest and export (life_ingest.cc).
    void ingest();
    std::shared_ptr<IngestContent> draw_ingest();
    Status write_ingest_files(IngestContent& content);
    Status write_ingest_file(IngestContent& content, Family family);
    void start_ingest(std::shared_ptr<const IngestContent> content);
    void note_replaced(const KeyRange& range);
    void read_replaced();
    void export_range();
    void check_export(const KeyRange& range, const Contents& expected,
                      const std::vector<ExportedFile>& files);

    template <typename Job>
    void in_job(Job job) {
        world_->run_job(std::move(job));
    }
    // Counts an answer that is to come.
    Store::Done answer(const char* what);
    void fail(std::string what);
    void fail(const Status& status) {
        if (!status) fail(status.error().to_string());
    }

    const Scenario& scenario_;
    crash::LifeWatcher<StoreWorld>& watcher_;
    const bool damaged_;
    const size_t deeds_;
    Random random_;
    StoreModel model_;
    DiskImage earlier_image_;

    std::unique_ptr<SimWorld> world_;
    std::unique_ptr<JobWatch> jobs_;
    std::unique_ptr<SimLoop> loop_;
    std::unique_ptr<SimDisk> disk_;
    std::unique_ptr<Store> store_;
    std::vector<HeldSnapshot> snapshots_;
    std::vector<std::unique_ptr<HeldIterator>> iterators_;

    std::optional<std::string> failure_;
    bool dead_ = false;
    bool opening_ = false;
    bool faulted_ = false;         // some fault was planned
    bool short_of_space_ = false;  // the disk was full at some time since the store was opened
    bool store_failed_ = false;
    bool writing_ = false;
    size_t unanswered_ = 0;
    uint64_t values_made_ = 0;
    std::set<FileNumber> reserved_;  // files that must stay
    // What an ingest has just replaced, to be looked at.
    std::vector<std::pair<Family, std::string>> replaced_;
};

}  // namespace timber::memtable
