// The life of a state store: opening, closing, and what is watched meanwhile. Its deeds:
// life_deeds.cc, life_iterators.cc, life_ingest.cc.
#include "tests/crash/store/life.h"

#include "src/base/io/log.h"
#include "tests/crash/store/store_world.h"

namespace timber::memtable {

// Openings that failed for a planned fault are tried again this often.
static constexpr int kOpeningsMax = 5;

Life::Life(const Scenario& scenario, Start start, crash::LifeWatcher<StoreWorld>& watcher)
    : scenario_(scenario),
      watcher_(watcher),
      damaged_(start.damaged),
      deeds_(start.deeds),
      random_(start.seed),
      model_(std::move(start.model)),
      earlier_image_(start.image) {
    world_ = std::make_unique<SimWorld>(random_.next());
    jobs_ = std::make_unique<JobWatch>(world_->executor());
    loop_ = std::make_unique<SimLoop>(*world_, "owner");
    disk_ = std::make_unique<SimDisk>(*world_, scenario.disk, std::move(start.image));
    disk_->set_step_hook([this](const DiskStep& step) {
        log_debug("step {} {} {} {} at {}, {} bytes", step.number, static_cast<int>(step.kind),
                  to_string(step.operation), step.path, step.offset, step.bytes);
        watcher_.at(*this, {Moment::Kind::kStep, step.number});
    });
}

Life::~Life() {
    die();
    world_->run_until_idle();
}

crash::StateKinds Life::kinds() const {
    crash::StateKinds kinds = 0;
    const auto add = [&](JobKind job, StoreWorld::Kind kind) {
        if (jobs_->running(job)) kinds |= crash::kind_bit(kind);
    };
    add(JobKind::kFlush, StoreWorld::kInsideFlush);
    add(JobKind::kCompaction, StoreWorld::kInsideCompaction);
    add(JobKind::kManifest, StoreWorld::kInsideManifestChange);
    add(JobKind::kIngest, StoreWorld::kInsideIngest);
    add(JobKind::kRemoval, StoreWorld::kInsideRemoval);
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
    if (!open_store() || damaged_) return;
    redo_lost();
    do_deeds();
}

void Life::flushed(Sequence flushed, LogMark floor) {
    if (dead_) return;
    log_info("life: step {} flushed up to {}, floor {}", disk_->steps(), flushed.value(),
             floor.value());
    if (store_failed_) fail("a failed store says that it flushed something");
    model_.flushed(flushed, floor);
}

void Life::condition_changed(Condition condition) {
    if (dead_) return;
    const auto error = store_ == nullptr ? std::nullopt : store_->condition_error();
    log_info("life: step {} condition {}, {}", disk_->steps(), static_cast<int>(condition),
             error ? error->to_string() : "");
    switch (condition) {
        case Condition::kRunning: break;
        case Condition::kNoSpace:
            if (!short_of_space_) fail("the store finds no space although there is some");
            break;
        case Condition::kTrouble:
            if (!faulted_) fail("the store is in trouble although nothing failed");
            break;
        case Condition::kFailed:
            store_failed_ = true;
            if (!faulted_) fail("the store failed although nothing else did");
            break;
    }
}

bool Life::may_fail(const Error& error) const {
    switch (error.code) {
        case ErrorCode::kNoSpace: return short_of_space_;
        case ErrorCode::kIoError: return faulted_;
        case ErrorCode::kPoisoned: return store_failed_ || faulted_;
        default: return false;
    }
}

Status Life::try_open() {
    Status status;
    Options options = scenario_.store;
    options.seed = random_.next();
    opening_ = true;
    in_job([&] {
        auto opened = Store::open({*disk_, *jobs_, *loop_}, options, *this);
        opening_ = false;
        if (opened) {
            store_ = std::move(*opened);
            status = check_recovered();
        } else {
            status = std::move(opened).error();
        }
    });
    return status;
}

Status Life::read_family(const ReadOptions& options, Family family, bool backward, Rows& rows) {
    const std::unique_ptr<StoreIterator> iterator = store_->new_iterator(options, family);
    std::optional<std::string> last;
    if (backward) {
        iterator->seek_to_last();
    } else {
        iterator->seek_to_first();
    }
    while (iterator->valid()) {
        const std::string key(iterator->key());
        if (last && (backward ? key >= *last : key <= *last))
            return make_error(ErrorCode::kInvalidArgument, "an iterator's keys are out of order");
        rows.emplace(key, iterator->value());
        last = key;
        if (backward) {
            iterator->prev();
        } else {
            iterator->next();
        }
    }
    return iterator->status();
}

Status Life::read_contents(const Snapshot* snapshot, Contents& contents) {
    for (const Family family : kAllFamilies)
        TIMBER_CHECK(read_family({.snapshot = snapshot}, family, false, contents.rows(family)));
    return {};
}

// Within the opening job, so that nothing happens between the opening and the model's knowing.
Status Life::check_recovered() {
    RecoveredStore recovered;
    recovered.flushed = store_->report().flushed;
    recovered.log_floor = store_->report().log_floor;
    const Status read = read_contents(nullptr, recovered.contents);
    log_info("life: opened, flushed up to {}, floor {}", recovered.flushed.value(),
             recovered.log_floor.value());
    if (!read) {
        if (damaged_ || faulted_) return read;
        fail("reading what was opened gave " + read.error().to_string());
        return read;
    }
    const Status compared = model_.recovered(recovered);
    if (!compared) {
        fail(compared);
        return compared;
    }
    watcher_.at(*this, {Moment::Kind::kOpened, disk_->steps()});
    return {};
}

bool Life::open_may_fail(const Error& error) const {
    if (damaged_) return true;
    if (disk_->faults_met(FaultKind::kError) > 0 && error.code == ErrorCode::kIoError) return true;
    // Only creation needs space.
    return short_of_space_ && !model_.ever_opened() && error.code == ErrorCode::kNoSpace;
}

bool Life::open_store() {
    store_failed_ = false;
    for (int attempt = 0; attempt < kOpeningsMax; ++attempt) {
        const Status opened = try_open();
        if (failure_) return false;
        if (opened) {
            loop_->run([this] { store_->check_invariants(); });
            finish_recovery();
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
        close_store();
        if (disk_->files_open() != 0) {
            fail("a failed opening left files open");
            return false;
        }
        disk_->clear_faults();
        disk_->options().capacity_bytes.reset();
    }
    fail("the store cannot be opened although nothing fails any more");
    return false;
}

// The owner's log speaks of the files of an ingest that was under way, or it does not.
void Life::finish_recovery() {
    reserved_.clear();
    const auto& lost = model_.ingest_lost();
    const bool redone = lost != nullptr && random_.percent(scenario_.redo_percent);
    loop_->run([&] {
        if (redone) {
            for (const IngestFile& file : lost->files) {
                store_->keep_file(file.number);
                reserved_.insert(file.number);
            }
        }
        store_->finish_recovery();
    });
    if (!redone) return;
    if (random_.one_in(2)) let_time_pass(std::chrono::milliseconds(20));
    log_info("life: the ingest once more");
    start_ingest(lost);
}

void Life::redo_lost() {
    const std::vector<WriteBatch> lost = model_.lost();
    model_.forget_lost();
    if (!random_.percent(scenario_.redo_percent)) return;
    for (const WriteBatch& batch : lost) {
        if (failure_) return;
        // In the redone ingest's range nothing may be written before it is done.
        if (model_.ingest_pending() != nullptr) wait_for_answers();
        write(batch);
    }
}

void Life::close_store() {
    iterators_.clear();
    snapshots_.clear();
    if (store_ == nullptr) return;
    bool closed = false;
    loop_->run([&] { store_->close([&] { closed = true; }); });
    if (!world_->run_until([&] { return closed; })) fail("closing never ends");
    if (!dead_ && unanswered_ != 0) fail("a closed store left something without an answer");
    loop_->run([&] { store_.reset(); });
    unanswered_ = 0;
}

void Life::reopen() {
    close_store();
    if (failure_) return;
    if (disk_->files_open() != 0) return fail("a closed store left files open");
    if (random_.one_in(2)) earlier_image_ = disk_->image();
    if (open_store()) redo_lost();
}

// Whatever is under way comes to nothing.
void Life::die() {
    if (dead_) return;
    dead_ = true;
    disk_->set_step_hook({});
    disk_->crash(Death::kProcessDeath, 1);
    close_store();
}

}  // namespace timber::memtable
