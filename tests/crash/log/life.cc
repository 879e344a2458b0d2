// The life of a log: opening, closing, and what is watched meanwhile. Its deeds: life_deeds.cc.
#include "tests/crash/log/life.h"

#include "src/base/checksum.h"
#include "src/base/io/log.h"
#include "tests/crash/log/log_world.h"

namespace timber::logengine {

// Openings that failed for a planned fault are tried again this often.
static constexpr int kOpeningsMax = 5;

Life::Life(const Scenario& scenario, Contents& contents, Start start, LogLifeWatcher& watcher)
    : scenario_(scenario),
      contents_(contents),
      watcher_(watcher),
      seed_(start.seed),
      damaged_(start.damaged),
      proven_lsn_(start.proof),
      deeds_(start.deeds),
      random_(start.seed),
      model_(std::move(start.model)),
      earlier_image_(start.image) {
    world_ = std::make_unique<SimWorld>(random_.next());
    loop_ = std::make_unique<SimLoop>(*world_, "owner");
    disk_ = std::make_unique<SimDisk>(*world_, scenario.disk, std::move(start.image));
    disk_->set_step_hook([this](const DiskStep& step) { on_step(step); });
}

Life::~Life() {
    die();
    world_->run_until_idle();
}

crash::StateKinds Life::kinds() const {
    crash::StateKinds kinds = 0;
    if (switching_segment()) kinds |= crash::kind_bit(LogWorld::kSegmentSwitch);
    if (recycling()) kinds |= crash::kind_bit(LogWorld::kRecycling);
    return kinds;
}

void Life::fail(std::string what) {
    if (!failure_) failure_ = std::move(what);
}

void Life::run() {
    if (!damaged_ && random_.percent(scenario_.full_disk_percent)) {
        disk_->options().capacity_bytes = 0;
        short_of_space_ = true;
    }
    log_info("life: {} file system{}", disk_->direct_io_supported() ? "direct" : "buffered",
             short_of_space_ ? ", full" : "");
    if (!open_log()) return;
    if (damaged_) {
        read_everything();
        return;
    }
    do_deeds();
}

void Life::on_step(const DiskStep& step) {
    log_debug("step {} {} {} {} at {}, {} bytes", step.number, static_cast<int>(step.kind),
              to_string(step.operation), step.path, step.offset, step.bytes);
    note_step_begins(step);
    watcher_.at(*this, {Moment::Kind::kStep, step.number});
    note_step_ends(step);
}

void Life::note_step_begins(const DiskStep& step) {
    if (step.kind != DiskStep::Kind::kSubmit || step.operation != DiskOperation::kWrite) return;
    if (step.path.find("segment-") == std::string_view::npos) return;
    if (step.offset == kBlockBytes && !opening_) first_groups_.emplace(step.path);
    if (step.offset != 0) return;
    if (step.bytes == scenario_.log.segment_bytes) {
        files_created_.emplace(step.path);
    } else if (!opening_ && !files_created_.contains(std::string(step.path))) {
        ++identities_;
    }
}

void Life::note_step_ends(const DiskStep& step) {
    if (step.kind != DiskStep::Kind::kComplete || step.operation != DiskOperation::kWrite) return;
    if (step.path.find("segment-") == std::string_view::npos) return;
    if (step.offset == kBlockBytes) first_groups_.erase(std::string(step.path));
    if (step.offset != 0 || step.bytes == scenario_.log.segment_bytes) return;
    // From now on the file is one like any other.
    if (files_created_.erase(std::string(step.path)) == 0 && identities_ > 0) --identities_;
}

Status Life::visit(const BatchCursor& batch, RecoveredLog& recovered) {
    VisitedBatch visited{.lsn = batch.lsn(), .segment = batch.segment()};
    bool first = true;
    RecordCursor records(batch);
    while (records.next()) {
        const Record& record = records.record();
        if (first) visited.first_location = record.location;
        first = false;
        visited.last_location = record.location;
        if (!batch.checkpoint()) continue;
        if (record.retention != Retention::kCarriedForward || !record.origin_lsn)
            return make_error(ErrorCode::kInvalidArgument,
                              "a checkpoint holds a record that is not carried forward");
        visited.carried[record.tag] = {*record.origin_lsn, checksum64(record.payload)};
    }
    if (!batch.checkpoint()) {
        visited.content = contents_.identify(batch);
        if (!visited.content)
            return make_error(
                ErrorCode::kInvalidArgument,
                "batch " + std::to_string(batch.lsn().value()) + " is none that was ever appended");
    }
    recovered.batches.push_back(std::move(visited));
    return {};
}

Status Life::try_open() {
    RecoveredLog recovered;
    Status status;
    opening_ = true;
    in_job([&] {
        auto opened =
            LogEngine::open({*disk_, world_->executor(), *loop_}, scenario_.log,
                            [&](const BatchCursor& batch) { return visit(batch, recovered); });
        opening_ = false;
        if (opened) {
            log_ = std::move(*opened);
            status = check_recovered(recovered);
        } else {
            status = std::move(opened).error();
        }
    });
    return status;
}

// Within the job, so that nothing happens between the opening and the model's knowing of it.
Status Life::check_recovered(RecoveredLog& recovered) {
    recovered.report = log_->open_report();
    recovered.next_lsn = log_->next_lsn();
    recovered.released_lsn = log_->released_lsn();
    old_batches_.assign(
        model_.owed().begin(),
        model_.owed().begin() + static_cast<ptrdiff_t>(std::min<size_t>(model_.owed().size(), 8)));
    log_info("life: opened with batches {} to {}, row {}; owed were {} to {}, pending {}",
             recovered.report.first_lsn.value(), recovered.report.durable_lsn.value(),
             recovered.report.tail.decision,
             model_.owed().empty() ? 0 : model_.owed().front().lsn.value(),
             model_.owed().empty() ? 0 : model_.owed().back().lsn.value(), model_.pending().size());
    Status compared = damaged_ ? model_.recovered_damaged(contents_, recovered, proven_lsn_)
                               : model_.recovered(contents_, recovered);
    if (!compared) {
        fail(compared);
        return compared;
    }
    watcher_.at(*this, {Moment::Kind::kOpened, disk_->steps()});
    return {};
}

bool Life::open_may_fail(const Error& error) const {
    if (damaged_) return true;
    if (disk_->faults_met(FaultKind::kError) > 0 && error.code != ErrorCode::kCorrupted &&
        error.code != ErrorCode::kMissing)
        return true;
    // Only creation needs space.
    return short_of_space_ && !model_.ever_opened() && error.code == ErrorCode::kNoSpace;
}

bool Life::open_log() {
    poison_seen_ = false;
    for (int attempt = 0; attempt < kOpeningsMax; ++attempt) {
        const Status opened = try_open();
        if (failure_) return false;
        if (opened) {
            loop_->run([this] { log_->check_invariants(); });
            return true;
        }
        if (!open_may_fail(opened.error())) {
            fail("opening gave " + opened.error().to_string());
            return false;
        }
        if (damaged_) {
            if (opened.error().file.empty())
                fail("damage was reported without a file: " + opened.error().to_string());
            return false;
        }
        if (disk_->files_open() != 0) {
            fail("a failed opening left files open");
            return false;
        }
        disk_->clear_faults();
        disk_->options().capacity_bytes.reset();
    }
    fail("the log cannot be opened although nothing fails any more");
    return false;
}

void Life::close_log() {
    if (log_ == nullptr) return;
    bool closed = false;
    log_->close([&] { closed = true; });
    if (!world_->run_until([&] { return closed; })) fail("closing never ends");
    if (!dead_ && unanswered_ != 0) fail("a closed log left batches without an answer");
    log_.reset();
}

void Life::reopen() {
    const bool orderly = !log_->poisoned() && !faulted_;
    close_log();
    if (failure_) return;
    if (orderly && random_.one_in(2)) earlier_image_ = disk_->image();
    if (!open_log()) return;
    const TailReport& tail = log_->open_report().tail;
    if (orderly && (tail.decision != 'E' || tail.cut))
        fail(std::string("a log that was closed in order ended with row ") + tail.decision);
}

// Whatever is under way comes to nothing.
void Life::die() {
    if (dead_) return;
    dead_ = true;
    disk_->set_step_hook({});
    disk_->crash(Death::kProcessDeath, 1);
    close_log();
}

}  // namespace timber::logengine
