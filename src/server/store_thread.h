#pragma once
// The Store on a loop of its own, as the rest of the server sees it.
//
// Thread:     StoreHandle's functions from any thread; the rest from the owner's, which waits.
//             Nothing is submitted before open() has succeeded; what is after close() is refused.
// Lifetime:   platform and transport outlive it.
// Failure:    see StoreObserver::failed(): reported once through `failed`.
#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "src/platform/platform.h"
#include "src/server/store_handle.h"

namespace timber::server {

class StoreThread final : public StoreHandle, private raftstore::StoreObserver {
  public:
    static Result<std::unique_ptr<StoreThread>> start(Platform& platform,
                                                      std::function<void(const Error&)> failed);
    ~StoreThread() override;

    // May be tried again after a failure.
    Status open(const raftstore::StoreOptions& options, raftstore::Transport& transport);
    void hand_over(Duration limit);
    // Everything that is pending is answered when this returns. The Store itself goes with this.
    void close();
    const storage::StoreIdentity& identity() const { return identity_; }

    void submit(raftstore::Request request, raftstore::Callback callback) override;
    void receive(raftstore::Envelope envelope) override;
    void unreachable(raftstore::StoreId store) override;
    void status(std::move_only_function<void(raftstore::StoreStatus)> done) override;

  private:
    StoreThread(Platform& platform, std::function<void(const Error&)> failed);

    void failed(const Error& error) override;
    void leader_changed(const raftstore::Region& region,
                        const std::optional<raftstore::PeerMeta>& leader) override;
    void region_changed(const raftstore::Region& region) override;
    void stranger(raftstore::StoreId store, const std::string& reason) override;

    Platform& platform_;
    const std::function<void(const Error&)> failed_;
    std::unique_ptr<LoopThread> thread_;
    storage::StoreIdentity identity_{};
    bool closed_ = false;

    // Set by open(), for all threads that are told of it afterwards.
    std::atomic<raftstore::Store*> open_store_ = nullptr;

    // The loop's thread.
    std::unique_ptr<raftstore::Store> store_;
    std::set<std::string> strangers_said_;
};

}  // namespace timber::server
