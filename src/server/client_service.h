#pragma once
// What clients may ask: tinykvpb.TinyKv's raw calls. A request is decoded and checked on the thread
// that received it, goes to the Store through its queue, and is answered from the Store's loop.
//
// Thread:     any.
// Lifetime:   outlives the rpc::Server that calls it; the Store outlives it.
// Invariants: S1  every Call is answered exactly once.
//             S2  no more than `calls_max` are under way; one more is answered busy at once.
//             S3  a write whose outcome is not known ends with the status UNKNOWN, and nothing else
//                 does. Whatever carries an error or another status that we give was not done.
#include <atomic>

#include "src/rpc/server.h"
#include "src/server/store_handle.h"
#include "src/server/wire.h"

namespace timber::server {

class ClientService {
  public:
    ClientService(StoreHandle& store, const RawLimits& limits, size_t calls_max)
        : store_(store), limits_(limits), calls_max_(calls_max) {}

    void add_to(rpc::ServerOptions& options);
    void handle(RawMethod method, rpc::Call& call);

    uint64_t calls() const { return calls_.load(std::memory_order_relaxed); }
    uint64_t calls_refused_busy() const { return refused_busy_.load(std::memory_order_relaxed); }

  private:
    void answer(RawMethod method, rpc::Call& call, const raftstore::Response& response);

    StoreHandle& store_;
    const RawLimits limits_;
    const size_t calls_max_;
    std::atomic<size_t> under_way_ = 0;
    std::atomic<uint64_t> calls_ = 0;
    std::atomic<uint64_t> refused_busy_ = 0;
};

}  // namespace timber::server
