#include "src/server/store_thread.h"

#include "src/base/io/log.h"
#include "src/server/outcome_wait.h"

namespace timber::server {

namespace {

// Reasons that are told; more would fill the log of a server that a stranger keeps knocking at.
constexpr size_t kStrangersSaidMax = 100;

}  // namespace

Result<std::unique_ptr<StoreThread>> StoreThread::start(Platform& platform,
                                                        std::function<void(const Error&)> failed) {
    std::unique_ptr<StoreThread> self(new StoreThread(platform, std::move(failed)));
    TIMBER_TRY(self->thread_, platform.start_loop("store"));
    return self;
}

StoreThread::StoreThread(Platform& platform, std::function<void(const Error&)> failed)
    : platform_(platform), failed_(std::move(failed)) {}

StoreThread::~StoreThread() {
    if (thread_ == nullptr) return;
    close();
    thread_->call([&] { store_.reset(); });
    thread_->stop();
}

Status StoreThread::open(const raftstore::StoreOptions& options, raftstore::Transport& transport) {
    OutcomeWait<Status> opened;
    thread_->call([&] {
        raftstore::Store::open({platform_.disk(), platform_.executor(), thread_->loop()}, options,
                               transport, *this,
                               [&](Result<std::unique_ptr<raftstore::Store>> store) {
                                   if (!store) return opened.give(store.error());
                                   store_ = std::move(*store);
                                   identity_ = store_->status().identity;
                                   open_store_.store(store_.get(), std::memory_order_release);
                                   opened.give(Status());
                               });
    });
    return opened.take();
}

void StoreThread::hand_over(Duration limit) {
    OutcomeWait<bool> done;
    thread_->call([&] { store_->hand_over(limit, [&] { done.give(true); }); });
    done.take();
}

void StoreThread::close() {
    if (closed_ || open_store_.load() == nullptr) return;
    closed_ = true;
    OutcomeWait<bool> closed;
    thread_->call([&] { store_->close([&] { closed.give(true); }); });
    closed.take();
}

void StoreThread::submit(raftstore::Request request, raftstore::Callback callback) {
    open_store_.load(std::memory_order_acquire)->submit(std::move(request), std::move(callback));
}

void StoreThread::receive(raftstore::Envelope envelope) {
    raftstore::Store* store = open_store_.load(std::memory_order_acquire);
    if (store != nullptr) store->receive(std::move(envelope));
}

void StoreThread::unreachable(raftstore::StoreId store) {
    if (open_store_.load(std::memory_order_acquire) == nullptr) return;
    thread_->loop().post([this, store] {
        if (store_ != nullptr) store_->unreachable(store);
    });
}

void StoreThread::status(std::move_only_function<void(raftstore::StoreStatus)> done) {
    thread_->loop().post([this, done = std::move(done)]() mutable {
        done(store_ != nullptr ? store_->status() : raftstore::StoreStatus{});
    });
}

void StoreThread::failed(const Error& error) { failed_(error); }

void StoreThread::leader_changed(const raftstore::Region& region,
                                 const std::optional<raftstore::PeerMeta>& leader) {
    if (leader)
        log_info("region {}: store {} leads", region.id.value(), leader->store.value());
    else
        log_info("region {}: no leader known", region.id.value());
}

void StoreThread::region_changed(const raftstore::Region& region) {
    std::string members;
    for (const raftstore::PeerMeta& peer : region.peers)
        members += fmt::format("{}{} at {}{}", members.empty() ? "" : ", ", peer.store.value(),
                               peer.address, peer.learner ? " (learner)" : "");
    log_info("region {}: members are now {}", region.id.value(), members);
}

void StoreThread::stranger(raftstore::StoreId store, const std::string& reason) {
    if (strangers_said_.size() >= kStrangersSaidMax) return;
    if (strangers_said_.insert(std::to_string(store.value()) + reason).second)
        log_warning("store {} is refused: {}", store.value(), reason);
}

}  // namespace timber::server
