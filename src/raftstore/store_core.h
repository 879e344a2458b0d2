#pragma once
// The inside of a Store: Peers by Region, and what they share.
//
// All work is done in turns. A turn takes what queued, hands it to the Peers that it is for, and
// then goes over the Peers that have something to do, in the order of their Regions, until none
// has: what Raft wants, one batch of all their writes, committed entries. Completions of disk and
// timers mark Peers and ask for a turn.
//
// Files: store.cc           the front door
//        store_opening.cc   forming and opening
//        store_core.cc      turns, ticks, the end
//        store_commit.cc    batches of all Regions' writes
//        store_messages.cc  what other Stores say
//        store_introductions.cc  who knows this Store
//        store_requests.cc  what clients ask
//        store_regions.cc   making, finding and destroying Peers; snapshots
//
// Thread:     the loop, but for submit() and receive().
// Invariants: T1 to T5 of store.h.
//             SC1  a Peer is destroyed once, after its tombstone is durable.
//             SC2  decisions follow the order of Regions, never addresses.
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "src/base/random.h"
#include "src/raftstore/incarnations.h"
#include "src/raftstore/mailbox.h"
#include "src/raftstore/peer.h"
#include "src/raftstore/snapshot_builder.h"
#include "src/raftstore/snapshot_receiver.h"
#include "src/raftstore/snapshot_sender.h"
#include "src/raftstore/store.h"

namespace timber::raftstore {

class Store::Core final : public PeerHost, public storage::EngineListener {
  public:
    Core(Environment environment, const StoreOptions& options, Transport& transport,
         StoreObserver& observer);
    ~Core() override;

    // store_opening.cc
    static void open(std::unique_ptr<Core> core, OpenDone done);

    // As in Store.
    void submit(Request request, Callback callback) {
        mailbox_.submit(std::move(request), std::move(callback));
    }
    void receive(Envelope&& envelope) { mailbox_.receive(std::move(envelope)); }
    void unreachable(StoreId store);
    void hand_over(Duration limit, std::move_only_function<void()> done);
    void close(std::move_only_function<void()> done);
    StoreStatus status() const;
    void check_invariants() const;

    // PeerHost
    const StoreOptions& options() const override { return options_; }
    const storage::StoreIdentity& identity() const override { return identity_; }
    storage::StorageEngine& engine() override { return *engine_; }
    StoreObserver& observer() override { return observer_; }
    EventLoop& loop() override { return environment_.loop; }
    Disk& disk() override { return environment_.disk; }
    uint64_t ticks() const override { return ticks_; }
    void wake(RegionId region) override;
    void send(RaftMessage message) override;
    void send_snapshot(Peer& peer, RaftMessage message) override;
    void want_snapshot(RegionId region) override { builder_->want(region); }
    void wait_writable(RegionId region) override { appliers_waiting_.insert(region); }
    void region_changed(const Region& before, const Region& now) override;
    void destroy_wanted(RegionId region) override;
    void fail(const Error& error) override;
    void run_job(const char* name, std::move_only_function<Completion()> job) override;
    void remove_files(std::vector<std::string> paths) override;
    Peer* find_peer(RegionId region) override;
    std::optional<Incarnation> incarnation_of(StoreId store) const override;
    void greet(StoreId store, const std::string& address) override;
    void send_to(StoreId store, const std::string& address, Body body) override;

    // storage::EngineListener
    void writable() override;
    void entries_ready(RegionId region) override;
    void compaction_wanted(RegionId region, raft::LogIndex index) override;
    void failed(const Error& error) override { fail(error); }

  private:
    // A part of a batch on its way.
    struct CommitPart {
        RegionId region;
        size_t count;
        raft::WriteNumber first;
        raft::WriteNumber last;
    };
    struct HeldEnvelopes {
        Incarnation incarnation;
        std::vector<Envelope> envelopes;

        void hold(Envelope envelope);
    };

    // store_opening.cc
    static void engine_opened(std::unique_ptr<Core> core, OpenDone done,
                              Result<std::unique_ptr<storage::StorageEngine>> engine);
    static void formed(std::unique_ptr<Core> core, OpenDone done);
    static void directory_ready(std::unique_ptr<Core> core, OpenDone done, Status status);
    static void give_up(std::unique_ptr<Core> core, OpenDone done, Error error);
    Status check_identity() const;
    Result<bool> formation_due() const;
    void form(std::move_only_function<void(Status)> done);
    Status load_peers();
    void start();

    // store_core.cc
    void turn();
    void run_peers();
    void on_tick();
    void on_gc();
    void try_again();
    void check_hand_over();
    void end_hand_over();
    void continue_close();
    void answer_busy(Callback callback, std::string why);

    // store_commit.cc
    void commit_writes();
    bool commit_some();
    size_t fill_batch(storage::WriteBatch& batch, std::vector<CommitPart>& parts, bool& urgent);
    void batch_accepted(const std::vector<CommitPart>& parts, bool urgent);
    void batch_refused(const Error& error, bool urgent);
    void batch_done(const std::vector<CommitPart>& parts, const Status& status);

    // store_messages.cc
    void on_envelope(Envelope envelope);
    bool envelope_counts(Envelope& envelope);
    void meet(Envelope envelope);
    void met(StoreId store, const Status& status);
    void refuse_envelope(const Envelope& envelope, const std::string& why);
    void on_body(StoreId from, RaftMessage message);
    void on_body(StoreId from, SnapshotOffer offer);
    void on_body(StoreId from, SnapshotChunk chunk);
    void on_body(StoreId from, SnapshotAck ack);
    void on_body(StoreId from, Greeting greeting);
    void on_message_for_missing(RaftMessage message);
    void tell_tombstone(const RaftMessage& about, const Region& region);
    void learn_address(const PeerMeta& peer);

    // store_introductions.cc
    void begin_introductions();
    void greet_all();
    void introduced_to(const Envelope& envelope);
    void commit_introductions();
    void take_part();
    std::string own_address() const;
    bool other_than_membership_says(const Envelope& envelope) const;

    // store_requests.cc
    void on_command(Command command);
    void carry_out(Command command);
    bool hold_back(Command& command);
    void go_on_delayed();
    Peer* find_by_key(std::string_view key);

    // store_regions.cc
    Status add_peer(storage::AppliedState applied, RegionLocalState local);
    void make_peer(RaftMessage message);
    void peer_made(RaftMessage message, const Status& status);
    std::optional<RegionLocalState> tombstone_of(RegionId region) const;
    // Another Region that has keys of [start, end), 0 if none.
    RegionId overlapping(RegionId except, std::string_view start, std::string_view end) const;
    void destroy_doomed();
    void destroyed(RegionId region, const Status& status);
    std::optional<std::string> refuse_snapshot(const RaftMessage& message,
                                               const SnapshotManifest& manifest);
    bool deliver_snapshot(RaftMessage message, ReceivedSnapshot received);

    const Environment environment_;
    const StoreOptions options_;
    Transport& transport_;
    StoreObserver& observer_;
    Random random_;
    RegionApplier applier_;
    Mailbox mailbox_;
    std::unique_ptr<storage::StorageEngine> engine_;
    storage::StoreIdentity identity_;
    Incarnations incarnations_;

    // Regions.
    std::map<RegionId, std::unique_ptr<Peer>> peers_;
    std::map<std::string, RegionId, std::less<>> ranges_;  // of Regions with state, by start
    std::map<RegionId, RaftMessage> making_;               // waits for the new Region's record
    enum class Destruction : uint8_t { kDue, kCommitted };
    std::map<RegionId, Destruction> doomed_;

    // The turn.
    bool in_turn_ = false;
    std::set<RegionId> active_;
    std::set<RegionId> writers_;
    std::set<RegionId> appliers_waiting_;
    // The engine took no more writes; until it says so, or the next tick.
    bool engine_busy_ = false;
    // There was no room for entries: commands are refused, and only what needs no room is tried.
    bool disk_full_ = false;
    // Now and then a batch that needs room is tried all the same.
    bool probing_room_ = false;
    bool urgent_refused_ = false;

    // Other Stores.
    // Those that have to know this one before it takes part, with their addresses.
    std::map<StoreId, std::string> introductions_due_;
    bool takes_part_ = false;
    bool introductions_committing_ = false;
    std::map<StoreId, HeldEnvelopes> meeting_;
    std::map<StoreId, std::string> addresses_;

    // Commands that wait because the state store is slowed down.
    std::deque<Command> delayed_;
    size_t delayed_bytes_ = 0;
    Timer delay_timer_;

    std::unique_ptr<SnapshotBuilder> builder_;
    std::unique_ptr<SnapshotSender> sender_;
    std::unique_ptr<SnapshotReceiver> receiver_;

    uint64_t ticks_ = 0;
    Timer tick_timer_;
    Timer gc_timer_;
    Timer hand_over_timer_;
    std::vector<std::move_only_function<void()>> hand_over_done_;  // of all who asked

    size_t jobs_ = 0;
    std::optional<Error> failed_;
    bool closing_ = false;
    bool engine_closing_ = false;
    bool closed_ = false;
    std::move_only_function<void()> close_done_;

    uint64_t commands_ = 0;
    uint64_t commands_refused_busy_ = 0;
    uint64_t messages_sent_ = 0;
    uint64_t messages_received_ = 0;
    uint64_t messages_refused_ = 0;
};

}  // namespace timber::raftstore
