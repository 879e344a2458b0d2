// The front door; the work is store_core.h's.
#include "src/raftstore/store.h"

#include "src/raftstore/store_core.h"

namespace timber::raftstore {

void Store::open(Environment environment, const StoreOptions& options, Transport& transport,
                 StoreObserver& observer, OpenDone done) {
    Core::open(std::make_unique<Core>(environment, options, transport, observer), std::move(done));
}

Store::Store(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Store::~Store() = default;

void Store::submit(Request request, Callback callback) {
    core_->submit(std::move(request), std::move(callback));
}
void Store::receive(Envelope envelope) { core_->receive(std::move(envelope)); }
void Store::unreachable(StoreId store) { core_->unreachable(store); }
void Store::hand_over(Duration limit, std::move_only_function<void()> done) {
    core_->hand_over(limit, std::move(done));
}
void Store::close(std::move_only_function<void()> done) { core_->close(std::move(done)); }
StoreStatus Store::status() const { return core_->status(); }
storage::StorageEngine& Store::engine() { return core_->engine(); }
void Store::check_invariants() const { core_->check_invariants(); }

}  // namespace timber::raftstore
