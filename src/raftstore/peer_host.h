#pragma once
// What a Peer asks of its Store.
//
// Thread:   the loop.
// Lifetime: outlives the Peers and everything that they started.
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "src/base/io/disk.h"
#include "src/base/io/event_loop.h"
#include "src/base/io/executor.h"
#include "src/raftstore/store.h"
#include "src/raftstore/transport.h"

namespace timber::raftstore {

class Peer;

// A command, encoded: one record of the log, with room for what goes before it. Less where the
// log's segments are small: PeerHost::write_bytes_max().
inline constexpr size_t kCommandBytesMax = 15_MiB;

class PeerHost {
  public:
    virtual ~PeerHost() = default;

    virtual const StoreOptions& options() const = 0;
    virtual const storage::StoreIdentity& identity() const = 0;
    virtual storage::StorageEngine& engine() = 0;
    virtual StoreObserver& observer() = 0;
    virtual EventLoop& loop() = 0;
    virtual Disk& disk() = 0;
    // What Raft may ask to have written at once, as raft::entry_bytes() counts.
    size_t write_bytes_max() {
        // Two thirds of half a batch: the engine counts up to half as much again for an entry.
        return std::min<size_t>(16_MiB, engine().commit_bytes_max() / 3);
    }
    size_t command_bytes_max() { return std::min(kCommandBytesMax, write_bytes_max()); }
    // Of this Store's life: ticks so far.
    virtual uint64_t ticks() const = 0;

    // The peer of the Region has something to do: it is looked at in this turn or the next.
    virtual void wake(RegionId region) = 0;
    // To another Store; may be dropped.
    virtual void send(RaftMessage message) = 0;
    // The snapshot that the message carries, with its files.
    virtual void send_snapshot(Peer& peer, RaftMessage message) = 0;
    // A snapshot of the Region is wanted; the peer hears of it by PeerStorage::snapshot_made().
    virtual void want_snapshot(RegionId region) = 0;
    // The engine said kBusy to an apply: the peer is woken when it is worth trying again.
    virtual void wait_writable(RegionId region) = 0;
    // The Region's members or range are not what they were.
    virtual void region_changed(const Region& before, const Region& now) = 0;
    // It is no member any more, and nobody needs it: it is to be destroyed.
    virtual void destroy_wanted(RegionId region) = 0;
    // An entry that cannot be applied, or the like: the Store stops.
    virtual void fail(const Error& error) = 0;

    // Runs `job` on the executor, then what it gave back on the loop. The Store waits for it before
    // it closes.
    using Completion = std::move_only_function<void()>;
    virtual void run_job(const char* name, std::move_only_function<Completion()> job) = 0;
    // In the background, some time.
    virtual void remove_files(std::vector<std::string> paths) = 0;
    virtual Peer* find_peer(RegionId region) = 0;
    // The part of an envelope that is the sender's own.
    using Body = decltype(Envelope::body);
    // Whom this Store knows, durably, under that number.
    virtual std::optional<Incarnation> incarnation_of(StoreId store) const = 0;
    // So that it is known soon.
    virtual void greet(StoreId store, const std::string& address) = 0;
    // An empty address: wherever the Store last spoke from.
    virtual void send_to(StoreId store, const std::string& address, Body body) = 0;
};

}  // namespace timber::raftstore
