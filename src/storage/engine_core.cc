#include "src/storage/engine_core.h"

#include <utility>

#include "src/base/mistake.h"

namespace timber::storage {

StorageEngine::Core::Core(Environment environment, const EngineOptions& options, Applier& applier,
                          EngineListener& listener)
    : parts_(environment, options, applier, listener),
      commits_(parts_, [this] { changed(); }),
      states_(parts_, commits_),
      reader_(parts_, [this] { changed(); }),
      space_(parts_, [this] { changed(); }),
      writable_timer_([this] {
          if (phase_ == Phase::kRunning) parts_.listener.writable();
      }) {}

StorageEngine::Core::~Core() { TIMBER_ASSERT(phase_ == Phase::kClosed); }

// Opening.

void StorageEngine::Core::open(Done done) {
    opened_done_ = std::move(done);
    opening_ = std::make_unique<Opening>(parts_.environment, parts_.options, *this);
    parts_.environment.executor.run("open engine", [this] {
        Status status = opening_->run();
        parts_.environment.loop.post(
            [this, status = std::move(status)]() mutable { opened(std::move(status)); });
    });
}

void StorageEngine::Core::opened(Status status) {
    Opened opened = opening_->take();
    opening_.reset();
    parts_.log = std::move(opened.log);
    parts_.store = std::move(opened.store);
    recovered_ = std::move(opened.recovered);
    if (!status) return finish_opening(std::move(status));
    parts_.report.log = parts_.log->open_report();
    parts_.report.state = parts_.store->report();
    parts_.report.created = !recovered_->log.identity();
    parts_.identity = parts_.report.created ? *parts_.options.format : *recovered_->log.identity();
    phase_ = Phase::kReplaying;
    if (Status told = identify_state(opened.identity_in_state); !told)
        return finish_opening(std::move(told));
    if (TIMBER_MISTAKE(engine_orphans_removed_early)) parts_.store->finish_recovery();
    replay_ = std::make_unique<Replay>(parts_, commits_, *recovered_, [this](Status replay_status) {
        parts_.environment.loop.post([this, replay_status = std::move(replay_status)]() mutable {
            replayed(std::move(replay_status));
        });
    });
    replay_->start();
}

// The state store's own word of whose state it is. Before anything else is written, so that there
// is room, and no flush without it.
Status StorageEngine::Core::identify_state(bool known) {
    if (known) return {};
    memtable::WriteBatch row;
    row.put(memtable::Family::kMeta, kIdentityRowKey, as_text(encode_identity(parts_.identity)));
    TIMBER_CHECK(parts_.store->write(row));
    return {};
}

void StorageEngine::Core::replayed(Status status) {
    replay_.reset();
    recovered_.reset();
    if (!status) return finish_opening(std::move(status));
    if (!TIMBER_MISTAKE(engine_orphans_removed_early)) parts_.store->finish_recovery();
    write_identity();
}

// The moment of formatting.
void StorageEngine::Core::write_identity() {
    if (!parts_.report.created) return finish_opening({});
    logengine::Batch batch;
    Status added = batch.add(kIdentityRecord, {}, encode_identity(parts_.identity),
                             logengine::Retention::kCarriedForward);
    TIMBER_ASSERT(added.ok());
    Status appended = parts_.log->append(
        std::move(batch), [this](const Result<logengine::Appended>& appended_identity) {
            if (appended_identity.ok()) {
                parts_.noted_lsn = appended_identity->lsn();
                parts_.noted_segment = appended_identity->segment();
            }
            // Later: within the log's completion it cannot be closed.
            parts_.environment.loop.post(
                [this, status = appended_identity.ok()
                                    ? Status()
                                    : Status(appended_identity.error())]() mutable {
                    finish_opening(std::move(status));
                });
        });
    if (!appended) finish_opening(std::move(appended));
}

void StorageEngine::Core::finish_opening(Status status) {
    if (status) {
        phase_ = Phase::kRunning;
        changed();
        return std::exchange(opened_done_, nullptr)(std::move(status));
    }
    close([this, status = std::move(status)]() mutable {
        std::exchange(opened_done_, nullptr)(std::move(status));
    });
}

// Running.

std::optional<Error> StorageEngine::Core::refusal() const {
    if (phase_ == Phase::kClosing || phase_ == Phase::kClosed)
        return make_error(ErrorCode::kClosed, "the storage engine is closed");
    if (parts_.poisoned) return *parts_.poisoned;
    TIMBER_ASSERT(phase_ == Phase::kRunning);
    return std::nullopt;
}

Status StorageEngine::Core::commit(WriteBatch batch, Done done, bool urgent) {
    if (auto refused = refusal()) return std::move(*refused);
    Status accepted = !urgent && space_.full()
                          ? Status(make_error(ErrorCode::kNoSpace,
                                              "the log has outgrown its limit, and waits for a "
                                              "flush of the state"))
                          : commits_.commit(std::move(batch), std::move(done), urgent);
    if (!accepted) {
        if (accepted.error().code == ErrorCode::kPoisoned)
            parts_.fail(parts_.log->poisoned().value_or(accepted.error()));
        owe_writable(accepted.error());
    }
    return accepted;
}

Status StorageEngine::Core::apply(RegionId region, AppliedState state,
                                  const memtable::WriteBatch& effects) {
    if (auto refused = refusal()) return std::move(*refused);
    return states_.apply(region, std::move(state), effects);
}

memtable::Pace StorageEngine::Core::pace(size_t bytes) {
    memtable::Pace pace = parts_.store->pace(bytes);
    pace.stopped |= refusal().has_value();
    return pace;
}

void StorageEngine::Core::owe_writable(const Error& refused) {
    if (refused.code == ErrorCode::kBusy) owes_writable_ = true;
    if (refused.code == ErrorCode::kNoSpace && !writable_timer_.armed())
        parts_.environment.loop.start_timer(writable_timer_, parts_.options.log.space_retry_delay);
}

void StorageEngine::Core::changed() {
    if (phase_ == Phase::kClosing) return close_step();
    if (phase_ != Phase::kRunning) return;
    if (parts_.poisoned) {
        if (!commits_.in_flight()) commits_.give_up(*parts_.poisoned);
        return;
    }
    space_.work();
    if (std::exchange(parts_.refused_no_space, false))
        owe_writable(make_error(ErrorCode::kNoSpace, ""));
    if (std::exchange(owes_writable_, false)) parts_.listener.writable();
}

void StorageEngine::Core::flush(Done done) {
    if (auto refused = refusal()) {
        parts_.environment.loop.post(
            [done = std::move(done), refused = std::move(*refused)]() mutable { done(refused); });
        return;
    }
    parts_.store->flush(std::move(done));
}

memtable::LogMark StorageEngine::Core::log_floor() {
    // Until recovery is over, everything in the log may be needed again.
    TIMBER_ASSERT(parts_.store != nullptr);
    if (phase_ != Phase::kRunning) return parts_.store->log_floor();
    return states_.sealed();
}

void StorageEngine::Core::flushed(memtable::Sequence flushed, memtable::LogMark) {
    states_.flushed(flushed);
    if (phase_ == Phase::kRunning) changed();
}

void StorageEngine::Core::condition_changed(memtable::Condition condition) {
    // While the opening job has the store, its own calls tell.
    if (condition != memtable::Condition::kFailed || parts_.store == nullptr) return;
    parts_.fail(parts_.as_poisoned(
        parts_.store->condition_error().value_or(make_error(ErrorCode::kPoisoned, ""))));
    // Not within the store's call. A recovery that waits for the store learns of it by trying
    // again.
    parts_.environment.loop.post([this] {
        if (replay_ != nullptr) return replay_->writable();
        changed();
    });
}

void StorageEngine::Core::writable() {
    if (replay_ != nullptr) return replay_->writable();
    if (phase_ != Phase::kRunning) return;
    commits_.writable();
    parts_.listener.writable();
}

// Closing: reads first, which hold the log; then the log, which answers the commits; then the state
// store, which answers the installs.

void StorageEngine::Core::close(std::move_only_function<void()> done) {
    TIMBER_ASSERT(phase_ != Phase::kClosing && phase_ != Phase::kClosed);
    phase_ = Phase::kClosing;
    parts_.closing = true;
    closed_done_ = std::move(done);
    if (writable_timer_.armed()) parts_.environment.loop.cancel_timer(writable_timer_);
    parts_.environment.loop.post([this] { close_step(); });
}

void StorageEngine::Core::close_step() {
    if (closing_part_) return;
    switch (closing_) {
        case Closing::kReads:
            if (!reader_.idle() || !space_.idle()) return;
            return close_log();
        case Closing::kLog: return close_store();
        case Closing::kStore:
        case Closing::kCommits: break;
    }
    if (!commits_.idle()) return;
    phase_ = Phase::kClosed;
    parts_.store.reset();
    parts_.log.reset();
    // It may destroy this.
    std::exchange(closed_done_, nullptr)();
}

void StorageEngine::Core::close_log() {
    closing_ = Closing::kLog;
    if (parts_.log == nullptr) return close_step();
    closing_part_ = true;
    parts_.log->close([this] {
        closing_part_ = false;
        close_step();
    });
}

void StorageEngine::Core::close_store() {
    closing_ = Closing::kStore;
    commits_.give_up(make_error(ErrorCode::kClosed, "the storage engine is closed"));
    if (parts_.store == nullptr) return close_step();
    closing_part_ = true;
    parts_.store->close([this] {
        closing_part_ = false;
        // The store's own call is still under way.
        parts_.environment.loop.post([this] { close_step(); });
    });
}

EngineStats StorageEngine::Core::stats() const {
    return {.log = parts_.log->stats(),
            .state = parts_.store->stats(),
            .commits = parts_.commits,
            .log_bytes_live = space_.bytes_held(),
            .entries_rewritten = parts_.entries_rewritten,
            .entries_read_from_disk = parts_.entries_read,
            .forced_flushes = parts_.forced_flushes,
            .compactions_wanted = parts_.compactions_wanted};
}

void StorageEngine::Core::check_invariants() const {
    parts_.check_invariants();
    if (parts_.log != nullptr) parts_.log->check_invariants();
    if (parts_.store != nullptr) parts_.store->check_invariants();
}

}  // namespace timber::storage
