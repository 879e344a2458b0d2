#pragma once
// What operators may ask: timberkv.Admin's calls.
//
// Thread:     any.
// Lifetime:   outlives the rpc::Server that calls it; Store, client service and transport outlive
// it. Invariants: A1  every Call is answered exactly once.
//             A2  a new member's peer id was never used in its Region before: ids given at
//                 formation are at most the first conf_ver, and a member added at conf_ver c, which
//                 is added only if conf_ver is still c, gets c + 1.
#include "src/rpc/server.h"
#include "src/server/admin_wire.h"
#include "src/server/client_service.h"
#include "src/server/peer_transport.h"
#include "src/server/store_handle.h"

namespace timber::server {

struct AdminAddresses {
    std::string client{};
    std::string peer{};
};

class AdminService {
  public:
    AdminService(StoreHandle& store, const ClientService& clients, const PeerTransport& transport)
        : store_(store), clients_(clients), transport_(transport) {}

    void add_to(rpc::ServerOptions& options);
    // As others reach this server.
    void set_addresses(AdminAddresses addresses) TIMBER_EXCLUDES(mutex_) {
        MutexLock lock(mutex_);
        addresses_ = std::move(addresses);
    }

    void status(rpc::Call& call);
    void transfer_leader(rpc::Call& call);
    void change_member(rpc::Call& call);

  private:
    void submit(raftstore::Request request, rpc::Call& call);

    StoreHandle& store_;
    const ClientService& clients_;
    const PeerTransport& transport_;
    Mutex mutex_;
    AdminAddresses addresses_ TIMBER_GUARDED_BY(mutex_){};
};

// What `order` asks of the Store, for a Region as it is now; or why that makes no sense.
Result<raftstore::ChangePeerRequest> change_of(const MemberOrder& order,
                                               const raftstore::Region& region);

}  // namespace timber::server
