#pragma once
// What the server's front asks of its Store, so that tests can put another in its place.
//
// Thread:   any. Callbacks run on the Store's loop, never within the call.
// Lifetime: outlives all services and the transport.
#include <functional>

#include "src/raftstore/store.h"

namespace timber::server {

class StoreHandle {
  public:
    virtual ~StoreHandle() = default;

    virtual void submit(raftstore::Request request, raftstore::Callback callback) = 0;
    virtual void receive(raftstore::Envelope envelope) = 0;
    virtual void unreachable(raftstore::StoreId store) = 0;
    virtual void status(std::move_only_function<void(raftstore::StoreStatus)> done) = 0;
};

}  // namespace timber::server
