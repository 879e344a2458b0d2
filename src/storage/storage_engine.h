#pragma once
// One storage engine for Raft logs and state: the log engine and the state store, with one atomic
// WriteBatch. The log is the only commit point; what follows from a committed batch in other files
// (an ingest, a flush) is redone by recovery if a crash cut it short.
//
// Every value goes to the log once, inside its entry. Applying puts the entry's effects into the
// state store's memory; the next batch that goes to the log says how far each Region has applied,
// and recovery applies those entries again with the same function (Applier).
//
// Thread:     the owner's event loop; entries() reads in jobs by itself. Snapshots of the state may
//             be read on any thread, as memtable/store.h says.
// Lifetime:   environment, applier and listener outlive the engine. Destroyed on the loop, after
//             close() has completed.
// Invariants: E1  applied <= commit <= last index, for every Region, or its log is empty.
//             E2  only entries that are durable in the own log are applied.
//             E3  after a crash, state and applied index of a Region are those of one moment: the
//                 effects of its entries up to the applied index, no more and no less.
//             E4  the log is not released past the first entry that the state store has not
//                 flushed, nor past the first that Raft needs, nor past the record of an
//                 unfinished install.
//             E5  a Region's newest progress, and every local row, is in the log at all times.
//             E6  truncated.index <= applied, and never goes down.
// Failure:    a failed write or sync of log or manifest is final: poisoned() tells, everything
//             pending gets kPoisoned (unknown whether done), the owner stops. No space: commits are
//             refused with kNoSpace (surely not done), reads go on, and it resumes by itself; an
//             opening waits only where it must install a snapshot again or flush to go on.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logengine/log_engine.h"
#include "memtable/store.h"
#include "src/base/io/disk.h"
#include "src/base/io/event_loop.h"
#include "src/base/io/executor.h"
#include "src/base/result.h"
#include "src/storage/types.h"
#include "src/storage/write_batch.h"

namespace timber::storage {

// What a committed entry does. The same function serves the running server and recovery, so it
// depends on nothing but the entry and `state`, the Region's as of the entry before. An error means
// that the entry cannot be understood (kCorrupted, kNewerFormat); the engine then stops.
class Applier {
  public:
    virtual ~Applier() = default;
    // Changes `state` but for applied and applied_term, which the engine sets, and adds what the
    // entry does to the data to `effects`.
    virtual Status apply(RegionId region, const raft::Entry& entry, AppliedState& state,
                         memtable::WriteBatch& effects) = 0;
};

class EngineListener {
  public:
    virtual ~EngineListener() = default;
    // After kBusy or kNoSpace: it may be worth trying again.
    virtual void writable() {}
    // Entries that entries() did not have in memory have been read.
    virtual void entries_ready(RegionId region) = 0;
    // The log is over its limit because of this Region's entries below `index`, which its state
    // has applied and a lagging member may still need: compact it.
    virtual void compaction_wanted(RegionId region, raft::LogIndex index) = 0;
    // Only a restart helps.
    virtual void failed(const Error& error) = 0;
};

struct EngineOptions {
    // Holds log/ and state/. Its parent must exist.
    std::string directory;
    // For a new Store. An existing one keeps its own; without identity a missing Store is kMissing.
    std::optional<StoreIdentity> format{};
    // Random choices; drawn anew for every opening.
    uint64_t seed = 1;
    // Directories are set by the engine.
    logengine::Options log{};
    memtable::Options state{};
    // The log is kept below this, by flushes and, through compaction_wanted(), by compaction. Where
    // a flush takes so long that the log comes to be half as long again, commits that are not
    // urgent are refused with kNoSpace until it is over.
    uint64_t log_bytes_max = 4_GiB;
    // Payloads of recent entries in memory, all Regions together.
    size_t entry_cache_bytes = 64_MiB;
    // Entries held in memory while recovery reads the log; more are read a second time.
    size_t recovery_bytes_max = 256_MiB;
};

struct EngineReport {  // of open()
    bool created = false;
    logengine::OpenReport log;
    memtable::StoreReport state;
    uint64_t entries_replayed = 0;
    size_t installs_redone = 0;
};

struct EngineStats {
    logengine::Stats log;
    memtable::StoreStats state;
    uint64_t commits = 0;
    uint64_t log_bytes_live = 0;
    uint64_t entries_rewritten = 0;
    uint64_t entries_read_from_disk = 0;
    uint64_t forced_flushes = 0;
    uint64_t compactions_wanted = 0;
};

class StorageEngine {
  public:
    struct Environment {
        Disk& disk;
        Executor& executor;
        EventLoop& loop;
    };
    using OpenDone = std::move_only_function<void(Result<std::unique_ptr<StorageEngine>>)>;
    using Done = std::move_only_function<void(Status)>;

    // Formats or recovers. `done` runs on the loop, never within the call.
    static void open(Environment environment, const EngineOptions& options, Applier& applier,
                     EngineListener& listener, OpenDone done);
    ~StorageEngine();

    const EngineReport& report() const;
    const StoreIdentity& identity() const;
    // Every Region that was ever created here, tombstones included, in order.
    std::vector<RegionId> regions() const;
    std::optional<RegionSummary> region(RegionId region) const;
    const std::string* local(uint64_t key) const;
    std::vector<uint64_t> local_keys() const;

    // Takes over the batch. If it gives an error nothing was accepted: kBusy, kNoSpace, kTooLarge,
    // kClosed, kPoisoned, kInvalidArgument (empty; a Region that is not there, or is there
    // already). Otherwise `done` runs once, on the loop, never within the call: when the batch is
    // durable and readable here, or with an error: kNoSpace (surely not done, and so all later ones
    // of its Regions) or kPoisoned (unknown) or kClosed (close() came before its end; it may be
    // durable). In the order of the commits, but for those that create, install or destroy: they
    // are done when that is in the state store, and only later commits of the same Regions wait for
    // them. During an install the owner commits and applies nothing else for its Region. `urgent`:
    // small records without which the owner cannot go on (votes) take from the log's reserve,
    // unless one of their Regions has a commit in flight that does not.
    Status commit(WriteBatch batch, Done done, bool urgent = false);

    // A batch of no more bytes() is never kTooLarge, as long as the log's segments can carry
    // forward what all Regions and local rows need.
    size_t commit_bytes_max() const;

    // The effects of entries, in memory: `state` is the Region's after the last one. Visible at
    // once. kBusy (no room, or the Region's end is due): not done, wait for writable(). kPoisoned.
    Status apply(RegionId region, AppliedState state, const memtable::WriteBatch& effects);
    // To be asked before taking on a write of about so many bytes.
    memtable::Pace pace(size_t bytes);

    // The Raft log of a Region, as raft::Storage wants it. kNotFound outside of
    // (truncated, last]; kBusy where it has to be read: then entries_ready() follows.
    Result<raft::Term> term(RegionId region, raft::LogIndex index) const;
    Result<std::vector<raft::Entry>> entries(RegionId region, raft::LogIndex low,
                                             raft::LogIndex high, size_t bytes_max);

    // Reads of the state; the metadata family is the engine's own.
    memtable::Store& state();
    const memtable::Store& state() const;
    // The Region's applied state as of `snapshot`. May wait for I/O: from jobs.
    Result<AppliedState> applied_state(const memtable::Snapshot& snapshot, RegionId region) const;

    // Flushes, and releases the log as far as that allows.
    void flush(Done done);
    // Ends all work, after what was accepted is finished.
    void close(std::move_only_function<void()> done);

    const std::optional<Error>& poisoned() const;
    EngineStats stats() const;
    // Asserts E1, E4, E5 and E6 as far as memory shows them, and those of its parts.
    void check_invariants() const;

  private:
    class Core;
    explicit StorageEngine(std::unique_ptr<Core> core);
    std::unique_ptr<Core> core_;
};

}  // namespace timber::storage
