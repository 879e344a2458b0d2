#pragma once
// A Store: one running server's raftstore. It holds a Peer for each Region that has a replica here,
// drives Raft on the storage engine, and answers commands.
//
// Thread:     the Store's event loop owns everything; submit() and receive() also from any other
//             thread (they queue). Callbacks and the observer are called on the loop.
// Lifetime:   environment, transport and observer outlive the Store. Destroyed on the loop, after
//             close() has completed; snapshots that were given out are gone by then.
// Invariants: T1  every callback runs exactly once, whatever becomes of its command.
//             T2  Regions that are not tombstones do not overlap.
//             T3  nothing is sent that promises what is not durable here.
//             T4  no queue is over its limit: what is too much is refused with kServerBusy.
//             T5  no message of a Store counts whose incarnation is not durably the known one.
// Failure:    a failed write or sync of log or manifest stops the Store: every callback that is
//             pending gets kUnknown, observer.failed() tells why, nothing is acknowledged any more.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/raftstore/command.h"
#include "src/raftstore/transport.h"
#include "src/storage/storage_engine.h"

namespace timber::raftstore {

// How a new Store begins.
struct Formation {
    storage::StoreIdentity identity{};
    // Regions that exist from the start, with this Store among their peers or not. The same on
    // every Store of the cluster.
    std::vector<Region> regions{};
};

struct StoreOptions {
    storage::EngineOptions engine{};
    // Of a new Store; an existing one must not be formed again (kAlreadyExists).
    std::optional<Formation> formation{};
    // Which Store we are meant to be; kForeign if the directory says otherwise. 0: any.
    ClusterId expected_cluster{};
    StoreId expected_store{};
    uint64_t seed = 1;  // drawn anew for every start

    // A leader that died is missed after 500 ms to 1 s, less with more servers: half of what is
    // usual, so that writes go on within 1.5 s. A pause of a healthy leader costs an election only
    // if it lasts as long, since others ask before they stand.
    Duration tick = std::chrono::milliseconds(50);
    uint32_t election_ticks = 10;
    uint32_t heartbeat_ticks = 2;
    bool lease_reads = false;
    uint32_t clock_drift_per_mille_max = 0;
    size_t uncommitted_bytes_max = 64_MiB;  // of one Region

    // Commands that wait in the queue between threads, and proposals of a Region not answered yet.
    size_t commands_queued_max = 65536;
    size_t command_bytes_queued_max = 256_MiB;
    size_t proposals_max = 65536;
    // Messages that wait in that queue; what is over it is dropped.
    size_t messages_queued_max = 65536;
    size_t message_bytes_queued_max = 256_MiB;
    // A proposal that is neither committed nor refused after so long is answered kUnknown; and one
    // whose leader lost its place is given `election_ticks` to learn what became of it.
    uint32_t proposal_ticks_max = 100;
    // Entries of one append message. The limits of a Raft group that tests may want to be small.
    size_t append_bytes_max = 1_MiB;
    size_t regions_max = 65536;
    size_t key_bytes_max = 4_KiB;
    size_t value_bytes_max = 8_MiB;
    size_t scan_bytes_max = 4_MiB;
    uint32_t scan_limit_max = 10'240;

    // Log GC: proposed by the leader when so many entries, or so many bytes, can go.
    Duration log_gc_interval = std::chrono::seconds(10);
    uint64_t log_gc_entries = 128'000;
    uint64_t log_gc_bytes = 256_MiB;
    // A member that lags by more than this does not keep the log.
    uint64_t log_gc_lag_entries_max = 512'000;
    uint64_t log_gc_lag_bytes_max = 1_GiB;

    // Snapshots.
    size_t snapshots_sending_max = 2;
    size_t snapshots_receiving_max = 2;
    uint64_t snapshot_bytes_per_second = 100_MiB;
    size_t snapshot_chunk_bytes = 512_KiB;
    size_t snapshot_window_chunks = 8;
    Duration snapshot_idle_timeout = std::chrono::seconds(30);
};

struct PeerStatus {
    Region region{};
    PeerMeta peer{};
    PeerState state = PeerState::kNormal;
    std::optional<PeerMeta> leader{};
    raft::NodeStatus raft{};
    storage::TruncatedState truncated{};
    bool installing = false;
    size_t proposals_pending = 0;
};

struct StoreStatus {
    storage::StoreIdentity identity{};
    std::vector<PeerStatus> peers{};
    storage::EngineStats engine{};
    // A Store that was just formed takes no part before all of these know it.
    std::vector<StoreId> introductions_due{};
    uint64_t commands = 0;
    uint64_t commands_refused_busy = 0;
    uint64_t messages_sent = 0;
    uint64_t messages_received = 0;
    uint64_t messages_refused = 0;  // foreign cluster, store or incarnation; malformed
    uint64_t snapshots_sent = 0;
    uint64_t snapshots_received = 0;
    uint64_t snapshots_failed = 0;
};

class StoreObserver {
  public:
    virtual ~StoreObserver() = default;
    // Only a restart helps.
    virtual void failed(const Error& error) = 0;
    virtual void leader_changed(const Region&, const std::optional<PeerMeta>&) {}
    virtual void region_changed(const Region&) {}
    // A Store with another incarnation, or of another cluster, spoke up and was refused.
    virtual void stranger(StoreId, const std::string& /*reason*/) {}
    // Each entry that was applied here, in order: for checkers of tests.
    virtual void applied(RegionId, const raft::Entry&) {}
};

class Store {
  public:
    struct Environment {
        Disk& disk;
        Executor& executor;
        EventLoop& loop;
    };
    using OpenDone = std::move_only_function<void(Result<std::unique_ptr<Store>>)>;

    // Forms or recovers. `done` runs on the loop, never within the call.
    static void open(Environment environment, const StoreOptions& options, Transport& transport,
                     StoreObserver& observer, OpenDone done);
    ~Store();

    // Any thread. Answered on the loop, always.
    void submit(Request request, Callback callback);
    void receive(Envelope envelope);
    // A message to `store` may have been lost. On the loop.
    void unreachable(StoreId store);

    // Hands leadership of all Regions over, as far as others can take it, within `limit`.
    // Asked again meanwhile, both end at the later limit.
    void hand_over(Duration limit, std::move_only_function<void()> done);
    // Ends all work: new commands are refused, pending ones answered, then `done`.
    void close(std::move_only_function<void()> done);

    StoreStatus status() const;
    storage::StorageEngine& engine();
    // Asserts T1 to T5 as far as memory shows them, the Raft nodes' and the engine's.
    void check_invariants() const;

  private:
    class Core;
    explicit Store(std::unique_ptr<Core> core);
    std::unique_ptr<Core> core_;
};

}  // namespace timber::raftstore
