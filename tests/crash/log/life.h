#pragma once
// One life of the log and its owner: from a disk image, through recovery, which is compared with
// the model, and a piece of the scenario's workload, to the end. What the life does follows from
// its seed alone, whoever watches.
//
// Thread:     one.
// Lifetime:   scenario, contents and watcher outlive the life.
// Failure:    the first broken promise ends the life and is failure().
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "logengine/log_engine.h"
#include "tests/crash/explorer.h"
#include "tests/crash/log/contents.h"
#include "tests/crash/log/model.h"
#include "tests/crash/log/workload.h"
#include "tests/support/sim_disk.h"
#include "tests/support/sim_world.h"

namespace timber::logengine {

struct LogWorld;
using LogLifeWatcher = crash::LifeWatcher<LogWorld>;
using crash::Moment;

class Life {
  public:
    using Start = crash::LifeStart<LogWorld>;

    Life(const Scenario& scenario, Contents& contents, Start start, LogLifeWatcher& watcher);
    ~Life();

    void run();

    const std::optional<std::string>& failure() const { return failure_; }
    const SimDisk& disk() const { return *disk_; }
    const Model& model() const { return model_; }
    // As it was at some earlier time, for damage that brings an old sector back.
    const DiskImage& earlier_image() const { return earlier_image_; }

    // Where the life is, for those who count.
    bool opening() const { return opening_; }
    crash::StateKinds kinds() const;
    bool switching_segment() const { return !first_groups_.empty(); }
    bool recycling() const { return identities_ > 0; }
    // Everything was answered and nothing has failed, and the witness had its time.
    bool witnessed() const { return witnessed_; }

  private:
    void on_step(const DiskStep& step);
    void note_step_begins(const DiskStep& step);
    void note_step_ends(const DiskStep& step);

    // Opening and closing.
    bool open_log();
    Status try_open();
    Status visit(const BatchCursor& batch, RecoveredLog& recovered);
    Status check_recovered(RecoveredLog& recovered);
    bool open_may_fail(const Error& error) const;
    void close_log();
    void reopen();
    void die();

    // Deeds.
    void do_deeds();
    void quiet_end();
    void do_deed(Deed deed);
    void resend_lost();
    void append(BatchContent content, ContentId id, uint64_t unit, Urgency urgency);
    void append_content(ContentId id, uint64_t unit, Urgency urgency);
    void answered(ContentId id, const Result<Appended>& result);
    bool may_be_refused(const Error& error) const;
    void append_one(size_t bytes_max, size_t records, Urgency urgency);
    void append_carried();
    void append_rewritten();
    void append_bulk();
    void append_burst();
    void wait_until_submitted(Lsn before);
    void wait_for_answers();
    void step_world(uint64_t count);
    void idle();
    void let_time_pass(Duration duration);
    void release_some();
    void read_back(const OwedBatch& batch);
    void read_some();
    void read_directories();
    void read_everything();
    void plan_fault();
    void change_space();
    void check_after_deed();
    void check_files();

    ContentId next_content();
    template <typename Job>
    void in_job(Job job) {
        world_->run_job(std::move(job));
    }
    void fail(std::string what);
    void fail(const Status& status) {
        if (!status) fail(status.error().to_string());
    }

    const Scenario& scenario_;
    Contents& contents_;
    LogLifeWatcher& watcher_;
    const uint64_t seed_;
    const bool damaged_;
    const Lsn proven_lsn_;
    const size_t deeds_;
    Random random_;
    Model model_;
    DiskImage earlier_image_;

    std::unique_ptr<SimWorld> world_;
    std::unique_ptr<SimLoop> loop_;
    std::unique_ptr<SimDisk> disk_;
    std::unique_ptr<LogEngine> log_;

    std::optional<std::string> failure_;
    bool dead_ = false;
    bool opening_ = false;
    bool witnessed_ = false;
    bool faulted_ = false;         // some fault was planned
    bool short_of_space_ = false;  // the disk was full at some time since the log was opened
    bool poison_seen_ = false;
    uint64_t contents_made_ = 0;
    uint64_t units_ = 0;
    size_t unanswered_ = 0;
    std::vector<OwedBatch> old_batches_;  // some that may be gone

    // Writes in flight that make a segment's first group, and files of this life's making.
    std::set<std::string> first_groups_;
    std::set<std::string> files_created_;
    size_t identities_ = 0;  // fresh ones of used files in flight
};

}  // namespace timber::logengine
