#include "src/raftstore/store_core.h"

#include "src/base/io/log.h"
#include "src/raftstore/request_checks.h"

namespace timber::raftstore {

static MailboxLimits mailbox_limits(const StoreOptions& options) {
    return {options.commands_queued_max, options.command_bytes_queued_max,
            options.messages_queued_max, options.message_bytes_queued_max};
}

Store::Core::Core(Environment environment, const StoreOptions& options, Transport& transport,
                  StoreObserver& observer)
    : environment_(environment),
      options_(options),
      transport_(transport),
      observer_(observer),
      random_(options.seed),
      mailbox_(environment.loop, mailbox_limits(options), [this] { turn(); }),
      delay_timer_([this] { go_on_delayed(); }),
      tick_timer_([this] { on_tick(); }),
      gc_timer_([this] { on_gc(); }),
      hand_over_timer_([this] { end_hand_over(); }) {}

Store::Core::~Core() {
    TIMBER_ASSERT(jobs_ == 0);
    TIMBER_ASSERT(engine_ == nullptr || closed_);
    closing_ = true;
    peers_.clear();
}

// --- Turns ---

void Store::Core::wake(RegionId region) {
    active_.insert(region);
    if (!in_turn_) mailbox_.ring();
}

void Store::Core::turn() {
    TIMBER_ASSERT(!in_turn_);
    Mailbox::Content content = mailbox_.take();
    in_turn_ = true;
    for (Envelope& envelope : content.messages) on_envelope(std::move(envelope));
    for (Command& command : content.commands) on_command(std::move(command));
    for (Callback& callback : content.refused) {
        answer_busy(std::move(callback), "too many commands wait");
    }
    run_peers();
    destroy_doomed();
    in_turn_ = false;
}

void Store::Core::run_peers() {
    while (!active_.empty() && !failed_ && !closing_) {
        std::set<RegionId> appliers;
        for (const RegionId region : std::exchange(active_, {})) {
            Peer* peer = find_peer(region);
            if (peer == nullptr || peer->destroying()) continue;
            peer->handle_ready();
            if (peer->writes().has_waiting()) writers_.insert(region);
            if (peer->has_to_apply()) appliers.insert(region);
        }
        commit_writes();
        for (const RegionId region : appliers) {
            Peer* peer = find_peer(region);
            if (peer != nullptr && !appliers_waiting_.contains(region)) peer->apply_committed();
        }
    }
}

void Store::Core::on_tick() {
    environment_.loop.start_timer(tick_timer_, options_.tick);
    ++ticks_;
    if (takes_part_) {
        for (const auto& [region, peer] : peers_) peer->tick();
    } else {
        greet_all();
    }
    // What a leader without room has proposed, the others may have committed; it cannot write that
    // and so not apply it, and its reads would wait for room. One that has room takes over.
    if (disk_full_) {
        for (const auto& [region, peer] : peers_) {
            if (peer->writes().has_waiting()) peer->hand_over();
        }
    }
    // Whoever refused may have forgotten to say when it is worth trying again.
    if (!writers_.empty() || !appliers_waiting_.empty()) try_again();
    if (!doomed_.empty() || !active_.empty()) mailbox_.ring();
    if (!hand_over_done_.empty()) check_hand_over();
}

void Store::Core::on_gc() {
    environment_.loop.start_timer(gc_timer_, options_.log_gc_interval);
    for (const auto& [region, peer] : peers_) peer->gc_log();
}

void Store::Core::writable() {
    disk_full_ = false;
    try_again();
}

void Store::Core::try_again() {
    if (failed_ || closing_) return;
    engine_busy_ = urgent_refused_ = false;
    probing_room_ = disk_full_;
    for (const RegionId region : std::exchange(appliers_waiting_, {})) active_.insert(region);
    for (const RegionId region : writers_) active_.insert(region);
    if (!in_turn_) mailbox_.ring();
}

void Store::Core::entries_ready(RegionId region) {
    Peer* peer = find_peer(region);
    if (peer != nullptr && !peer->destroying()) peer->entries_ready();
}

void Store::Core::compaction_wanted(RegionId region, raft::LogIndex index) {
    Peer* peer = find_peer(region);
    if (peer != nullptr) peer->compact_log_now(index);
}

void Store::Core::unreachable(StoreId store) {
    for (const auto& [region, peer] : peers_) peer->unreachable(store);
}

// --- Jobs ---

void Store::Core::run_job(const char* name, std::move_only_function<Completion()> job) {
    ++jobs_;
    environment_.executor.run(name, [this, job = std::move(job)]() mutable {
        Completion completion = job();
        // What the job held goes on the loop, with the completion.
        environment_.loop.post(
            [this, completion = std::move(completion), job = std::move(job)]() mutable {
                if (completion) completion();
                completion = nullptr;
                job = nullptr;
                --jobs_;
                if (closing_) continue_close();
            });
    });
}

void Store::Core::remove_files(std::vector<std::string> paths) {
    // What a Store leaves behind is removed when it is opened again.
    if (closing_ || failed_ || paths.empty()) return;
    run_job("remove snapshot", [&disk = environment_.disk, paths = std::move(paths)] {
        for (const std::string& path : paths) {
            if (const Status removed = disk.remove(path); !removed.ok()) {
                log_warning("a snapshot's file stays: {}", removed.error().to_string());
            }
        }
        return Completion();
    });
}

// --- The end ---

void Store::Core::answer_busy(Callback callback, std::string why) {
    ++commands_refused_busy_;
    if (callback) callback(not_done(server_busy(std::move(why))));
}

void Store::Core::fail(const Error& error) {
    if (failed_) return;
    failed_ = error;
    log_error("the Store stops: {}", error.to_string());
    for (const auto& [region, peer] : peers_) peer->fail_all("the Store has failed");
    for (Command& command : std::exchange(delayed_, {})) {
        answer_busy(std::move(command.callback), "the Store has failed");
    }
    observer_.failed(error);
}

void Store::Core::hand_over(Duration limit, std::move_only_function<void()> done) {
    hand_over_done_.push_back(std::move(done));
    // Whoever asks while one is under way shares it, and its end is the later one.
    const Instant end = environment_.loop.clock().now() + limit;
    if (!hand_over_timer_.armed() || hand_over_timer_.deadline() < end) {
        if (hand_over_timer_.armed()) environment_.loop.cancel_timer(hand_over_timer_);
        environment_.loop.start_timer(hand_over_timer_, limit);
    }
    check_hand_over();
}

void Store::Core::check_hand_over() {
    bool leads = false;
    if (!failed_ && !closing_) {
        for (const auto& [region, peer] : peers_) {
            if (peer->hand_over()) leads = true;
        }
    }
    if (!leads) end_hand_over();
}

void Store::Core::end_hand_over() {
    if (hand_over_timer_.armed()) environment_.loop.cancel_timer(hand_over_timer_);
    for (std::move_only_function<void()>& done : std::exchange(hand_over_done_, {})) {
        environment_.loop.post(std::move(done));
    }
}

void Store::Core::close(std::move_only_function<void()> done) {
    TIMBER_ASSERT(!closing_);
    closing_ = true;
    close_done_ = std::move(done);
    for (Timer* timer : {&tick_timer_, &gc_timer_, &delay_timer_}) {
        if (timer->armed()) environment_.loop.cancel_timer(*timer);
    }
    if (!hand_over_done_.empty()) end_hand_over();
    for (const auto& [region, peer] : peers_) peer->fail_all("the Store shuts down");
    for (Command& command : std::exchange(delayed_, {})) {
        answer_busy(std::move(command.callback), "the Store shuts down");
    }
    builder_->stop();
    sender_->stop();
    receiver_->stop();
    continue_close();
}

// Reads and files first: the engine is closed when nobody looks at it any more.
void Store::Core::continue_close() {
    if (jobs_ > 0 || closed_) return;
    if (!engine_closing_) {
        engine_closing_ = true;
        engine_->close([this] {
            closed_ = true;
            mailbox_.close();
            // Behind a turn that may have been asked for.
            environment_.loop.post(std::exchange(close_done_, {}));
        });
    }
}

StoreStatus Store::Core::status() const {
    StoreStatus status;
    status.identity = identity_;
    for (const auto& [region, peer] : peers_) status.peers.push_back(peer->status());
    status.engine = engine_->stats();
    for (const auto& [store, address] : introductions_due_) {
        status.introductions_due.push_back(store);
    }
    status.commands = commands_;
    status.commands_refused_busy = commands_refused_busy_;
    status.messages_sent = messages_sent_;
    status.messages_received = messages_received_;
    status.messages_refused = messages_refused_;
    status.snapshots_sent = sender_->counts().sent;
    status.snapshots_received = receiver_->counts().received;
    status.snapshots_failed = sender_->counts().failed + receiver_->counts().failed;
    return status;
}

void Store::Core::check_invariants() const {
    engine_->check_invariants();
    for (const auto& [region, peer] : peers_) {
        peer->check_invariants();
        if (!peer->initialized() || peer->destroying()) continue;
        const Region& own = peer->region();
        TIMBER_ASSERT(overlapping(region, own.start_key, own.end_key) == RegionId(0));  // T2
    }
    TIMBER_ASSERT_OP(delayed_.size(), <=, options_.commands_queued_max);  // T4
}

}  // namespace timber::raftstore
