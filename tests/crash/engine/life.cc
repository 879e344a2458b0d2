// The life of a storage engine: opening, closing, and what is watched meanwhile. Its deeds:
// life_deeds.cc and life_commits.cc.
#include "tests/crash/engine/life.h"

#include "src/base/io/log.h"
#include "tests/crash/engine/engine_world.h"

namespace timber::storage {

// Openings that failed for a planned fault are tried again this often.
static constexpr int kOpeningsMax = 5;

Life::Life(const Scenario& scenario, Start start, crash::LifeWatcher<EngineWorld>& watcher)
    : scenario_(scenario),
      watcher_(watcher),
      damaged_(start.damaged),
      deeds_(start.deeds),
      random_(start.seed),
      model_(std::move(start.model)),
      earlier_image_(start.image) {
    world_ = std::make_unique<SimWorld>(random_.next());
    jobs_ = std::make_unique<memtable::JobWatch>(world_->executor());
    loop_ = std::make_unique<SimLoop>(*world_, "store");
    disk_ = std::make_unique<SimDisk>(*world_, scenario.disk, std::move(start.image));
    disk_->set_step_hook([this](const DiskStep& step) {
        log_debug("step {} {} {} {} at {}, {} bytes", step.number, static_cast<int>(step.kind),
                  to_string(step.operation), step.path, step.offset, step.bytes);
        log_write_ends_ = step.kind == DiskStep::Kind::kComplete &&
                          step.operation == DiskOperation::kWrite &&
                          step.path.find("log/segment") != std::string_view::npos;
        watcher_.at(*this, {Moment::Kind::kStep, step.number});
        log_write_ends_ = false;
    });
}

Life::~Life() {
    die();
    world_->run_until_idle();
}

crash::StateKinds Life::kinds() const {
    crash::StateKinds kinds = 0;
    if (unanswered_ > 0) kinds |= crash::kind_bit(EngineWorld::kInsideCommit);
    if (jobs_->running(memtable::JobKind::kFlush))
        kinds |= crash::kind_bit(EngineWorld::kInsideFlush);
    if (jobs_->running(memtable::JobKind::kManifest))
        kinds |= crash::kind_bit(EngineWorld::kInsideManifestChange);
    for (const auto& [region, changing] : changing_)
        if (changing.install) kinds |= crash::kind_bit(EngineWorld::kInsideInstall);
    const bool installing = (kinds & crash::kind_bit(EngineWorld::kInsideInstall)) != 0;
    if (installing && log_write_ends_) kinds |= crash::kind_bit(EngineWorld::kBeforeInstallRecord);
    return kinds;
}

void Life::fail(std::string what) {
    if (!failure_) failure_ = std::move(what);
}

void Life::run() {
    if (random_.one_in(2))
        quiet_regions_ = random_.next() & random_.next() & ((2u << scenario_.regions) - 1);
    if (!damaged_ && random_.percent(scenario_.full_disk_percent)) {
        disk_->options().capacity_bytes = 0;
        short_of_space_ = was_short_ = true;
    }
    log_info("life: {} file system{}", disk_->direct_io_supported() ? "direct" : "buffered",
             short_of_space_ ? ", full" : "");
    if (damaged_) return live_damaged();
    if (open_engine()) do_deeds();
}

// Either it says what is wrong, or everything that it shows is right.
void Life::live_damaged() {
    const Status opened = try_open();
    if (failure_) return;
    if (opened) return read_all();
    if (opened.error().file.empty())
        fail("damage was reported without a file: " + opened.error().to_string());
}

void Life::compaction_wanted(RegionId region, raft::LogIndex index) {
    if (!dead_) compactions_wanted_.push_back({region, index});
}

void Life::failed(const Error& error) {
    if (dead_) return;
    log_info("life: step {} failed: {}", disk_->steps(), error.to_string());
    engine_failed_ = true;
    if (!faulted_ && !damaged_)
        fail("the engine failed although nothing else did: " + error.to_string());
}

// A flush stands still, and the log must wait for it.
bool Life::log_full() const {
    return engine_ != nullptr &&
           engine_->stats().log_bytes_live > scenario_.engine.log_bytes_max / 2 * 3;
}

bool Life::may_fail(const Error& error) const {
    if (damaged_ && !error.file.empty()) return true;
    switch (error.code) {
        // A fault while a file is made in reserve counts as no space: it passes.
        case ErrorCode::kNoSpace: return was_short_ || faulted_ || log_full();
        case ErrorCode::kIoError: return faulted_;
        case ErrorCode::kPoisoned: return engine_failed_ || faulted_;
        default: return false;
    }
}

Status Life::try_open() {
    EngineOptions options = scenario_.engine;
    options.seed = random_.next();
    opening_ = true;
    std::optional<Status> answer;
    loop_->run([&] {
        StorageEngine::open({*disk_, *jobs_, *loop_}, options, applier_, *this,
                            [&](Result<std::unique_ptr<StorageEngine>> opened) {
                                if (opened) engine_ = std::move(*opened);
                                answer = opened ? Status() : Status(std::move(opened).error());
                            });
    });
    wait_for_opening(answer);
    opening_ = false;
    if (failure_) return make_error(ErrorCode::kCorrupted, *failure_);
    if (!*answer) return *answer;
    return check_recovered();
}

// Where it has to install a snapshot again it waits for space, and goes on by itself. Its end is
// awaited in steps: on a slow processor time leaps from timer to timer while the opening has work.
void Life::wait_for_opening(const std::optional<Status>& answer) {
    constexpr Duration kRoomAfter = std::chrono::seconds(60);
    constexpr uint64_t kStepsMax = 500'000;
    const Instant room_at = world_->now() + kRoomAfter;
    for (uint64_t step = 0; !answer && !failure_; ++step) {
        if (world_->now() > room_at) disk_->options().capacity_bytes.reset();
        if (step == kStepsMax || !world_->step()) fail("opening never ends");
    }
}

void Life::gather(RecoveredEngine& found) {
    for (const RegionId id : engine_->regions()) {
        const RegionSummary summary = *engine_->region(id);
        auto& terms = found.terms[id];
        for (raft::LogIndex index = summary.applied.truncated.index; index <= summary.last_index;
             ++index) {
            const auto term = engine_->term(id, index);
            if (term) terms[index] = *term;
        }
        found.regions.emplace(id, summary);
    }
    for (const uint64_t key : engine_->local_keys()) found.locals[key] = *engine_->local(key);
}

Status Life::read_rows(DataRows& rows) {
    Status status;
    world_->run_job([&] {
        for (size_t family = 0; family < kDataFamilies && status; ++family) {
            const auto iterator =
                engine_->state().new_iterator({}, static_cast<memtable::Family>(family));
            for (iterator->seek_to_first(); iterator->valid(); iterator->next())
                rows[family].emplace(iterator->key(), iterator->value());
            status = iterator->status();
        }
    });
    return status;
}

Status Life::check_recovered() {
    RecoveredEngine found;
    loop_->run([&] {
        engine_->check_invariants();
        gather(found);
    });
    if (Status read = read_rows(found.rows); !read) {
        if (!faulted_ && !damaged_)
            fail("reading what was opened gave " + read.error().to_string());
        return read;
    }
    log_info("life: step {} opened, {} entries replayed, {} installs redone", disk_->steps(),
             engine_->report().entries_replayed, engine_->report().installs_redone);
    Status compared = model_.recovered(found);
    if (!compared) {
        fail("after opening: " + compared.error().detail);
        return compared;
    }
    model_.opened();
    ++counts_.openings;
    watcher_.at(*this, {Moment::Kind::kOpened, disk_->steps()});
    return {};
}

bool Life::open_may_fail(const Error& error) const {
    if (disk_->faults_met(FaultKind::kError) > 0 &&
        (error.code == ErrorCode::kIoError || error.code == ErrorCode::kPoisoned))
        return true;
    // Only formatting needs space.
    return short_of_space_ && error.code == ErrorCode::kNoSpace && !model_.ever_opened();
}

bool Life::open_engine() {
    engine_failed_ = false;
    changing_.clear();
    compactions_wanted_.clear();
    for (int attempt = 0; attempt < kOpeningsMax; ++attempt) {
        const Status opened = try_open();
        if (failure_) return false;
        if (opened) return true;
        if (!open_may_fail(opened.error())) {
            fail("opening gave " + opened.error().to_string());
            return false;
        }
        close_engine();
        if (disk_->files_open() != 0) {
            fail("a failed opening left files open");
            return false;
        }
        disk_->clear_faults();
        disk_->options().capacity_bytes.reset();
    }
    fail("the engine cannot be opened although nothing fails any more");
    return false;
}

void Life::close_engine() {
    if (engine_ == nullptr) return;
    bool closed = false;
    loop_->run([&] { engine_->close([&] { closed = true; }); });
    if (!world_->run_until([&] { return closed; })) fail("closing never ends");
    if (!dead_ && unanswered_ != 0) fail("a closed engine left something without an answer");
    loop_->run([&] { engine_.reset(); });
    unanswered_ = 0;
}

void Life::reopen() {
    close_engine();
    if (failure_) return;
    if (disk_->files_open() != 0) return fail("a closed engine left files open");
    open_engine();
}

// Whatever is under way comes to nothing.
void Life::die() {
    if (dead_) return;
    dead_ = true;
    disk_->set_step_hook({});
    disk_->crash(Death::kProcessDeath, 1);
    close_engine();
}

}  // namespace timber::storage
