#pragma once
// One machine of a simulated cluster: its disk's content through all its lives, and, while it runs,
// a Store of the real code with a loop, a disk and a port of its own.
//
// A life ends by death (die(), or a trap sprung in the middle of an operation of the disk) or by
// stop(). Either way the Store unwinds over the next steps, and only then can start() begin the
// next life. What a dead Store still says while it unwinds reaches nobody.
//
// Thread:     the world's. submit() and receive() also from within steps; everything else between
//             steps.
// Lifetime:   world, network and log outlive the machine.
// Invariants: M1  each callback runs exactly once, on the Store's loop, never within submit().
//             M2  a life that is over leaves no task, timer, open file or job behind.
// Failure:    broken() (replicated_log.h) where the Store breaks a promise that is seen here.
#include <functional>
#include <memory>
#include <optional>
#include <set>

#include "src/raftstore/store.h"
#include "tests/sim/network.h"
#include "tests/sim/replicated_log.h"
#include "tests/support/sim_disk.h"

namespace timber::sim {

// What happened on all machines, for floors.
struct MachineCounts {
    uint64_t starts = 0;
    uint64_t process_deaths = 0;
    uint64_t power_cuts = 0;
    uint64_t stops = 0;
    uint64_t deaths_while_opening = 0;
    uint64_t deaths_by_trap = 0;
    uint64_t failures = 0;  // a Store said that only a restart helps
    uint64_t openings_failed = 0;
    uint64_t leaders_lost = 0;  // with writes in flight
    uint64_t leader_changes = 0;
    uint64_t snapshots_installed = 0;
    uint64_t strangers = 0;
    uint64_t states_checked = 0;

    MachineCounts& operator+=(const MachineCounts& more);
};

class Machine {
  public:
    enum class State : uint8_t { kDown, kOpening, kUp, kUnwinding };

    struct Surroundings {
        SimWorld& world;
        SimNetwork& network;
        ReplicatedLog& log;
        MachineCounts& counts;
    };

    Machine(Surroundings surroundings, size_t place);
    ~Machine();

    raftstore::StoreId store_id() const { return raftstore::StoreId(place_ + 1); }
    size_t place() const { return place_; }
    State state() const { return state_; }
    bool up() const { return state_ == State::kUp && life_alive(); }
    // A write, sync or manifest failed, or opening did: it has to be restarted.
    const std::optional<Error>& failed() const { return failed_; }

    // Begins a life. `options` names no formation unless the Store is to be formed if there is
    // none.
    void start(raftstore::StoreOptions options, const SimDiskOptions& disk,
               uint64_t clock_per_mille);
    void die(Death death);
    // Dies by `death` right before the `nth` step of the disk, counted from now, whose path
    // contains `path_contains`.
    void set_trap(Death death, uint64_t nth, std::string path_contains);
    bool trap_set() const { return trap_.has_value(); }
    void clear_trap() { trap_.reset(); }
    uint64_t lives() const { return lives_; }
    size_t callbacks_open() const;
    void stop();
    // Goes on with whatever the machine's state waits for.
    void poll();
    // The content of the disk is gone. While down.
    void wipe();
    // Whether the Store, in this life or an earlier one, was known to all that it was formed with.
    bool has_taken_part() const { return has_taken_part_; }
    const DiskImage& image() const { return image_; }

    // While up.
    raftstore::Store& store() { return *life_->store; }
    SimDisk& disk() { return *life_->disk; }
    SimLoop& loop() { return *life_->loop; }
    // False if the machine is not up: then the request was never sent.
    bool submit(raftstore::Request request, std::function<void(raftstore::Response)> answer);
    // Compares the Region's state, as of one moment, with the log up to its applied index.
    void check_state(raftstore::RegionId region);
    void check_all_states();
    // The Store's own invariants, and its limits.
    void watch();
    // While something keeps its disk from working, the log may grow beyond its limit.
    void set_trouble(bool trouble) { trouble_ = trouble; }
    // Holds the life's snapshots: unwinding waits until it is let go.
    std::shared_ptr<void> hold();
    bool leads(raftstore::RegionId region) const;
    std::optional<raftstore::PeerStatus> peer(raftstore::RegionId region);

  private:
    struct Token;
    struct Life : raftstore::StoreObserver {
        Life(Machine& of, const SimDiskOptions& options, uint64_t clock_per_mille);
        void failed(const Error& error) override;
        void leader_changed(const raftstore::Region& region,
                            const std::optional<raftstore::PeerMeta>& leader) override;
        void stranger(raftstore::StoreId store, const std::string& reason) override;
        void applied(raftstore::RegionId region, const raft::Entry& entry) override;

        Machine& machine;
        std::unique_ptr<SimLoop> loop;
        std::unique_ptr<SimDisk> disk;
        std::unique_ptr<SimNetwork::Port> port;
        std::unique_ptr<raftstore::Store> store;
        bool alive = true;
        bool opened = false;  // open() has answered
        bool closing = false;
        bool closed = false;
        bool submitting = false;
        std::optional<Error> open_error{};
        size_t callbacks_open = 0;
        size_t writes_open = 0;
        size_t holds = 0;
        std::map<raftstore::RegionId, raft::LogIndex> last_applied{};
        std::set<raftstore::RegionId> leading{};
        uint64_t snapshots_seen = 0;
        Instant paused_at{};  // when the loop was last seen standing still
    };
    struct Trap {
        Death death;
        uint64_t left;
        std::string path_contains;
    };

    bool life_alive() const { return life_ != nullptr && life_->alive; }
    void open(raftstore::StoreOptions options);
    void on_disk_step(const DiskStep& step);
    void end_life(Death death);
    void note_leaders_lost();
    void note_opened();
    void unwind();
    void compare_state(Life& life, raftstore::RegionId region, const memtable::Snapshot& snapshot);

    const Surroundings around_;
    const size_t place_;
    State state_ = State::kDown;
    DiskImage image_;
    std::optional<Trap> trap_;
    bool trouble_ = false;
    bool has_taken_part_ = false;
    uint64_t lives_ = 0;
    std::optional<Error> failed_;
    raftstore::StoreOptions options_;
    std::unique_ptr<Life> life_;
};

}  // namespace timber::sim
