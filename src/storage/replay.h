#pragma once
// Recovery's second half, on the loop: brings the state store to where the log says that it was.
//
// First the changes by value that the store has not seen, in the log's order; then, Region by
// Region, the entries that were applied and are not in the store's files. Effects go into memory
// only; a flush that comes in between is no different from one while the server runs.
//
// Thread:     the loop.
// Lifetime:   `parts` outlives it, and so does what it was made of; idle() when it is destroyed.
// Invariants: RP1  what it does twice, in this life or the next, has the effect of once.
//             RP2  `done` runs once, never within start().
// Failure:    no space for an install: tried again until there is. What log and store tell
//             of one another and cannot both be true is kCorrupted, and names the log's directory
//             and the Region.
#include <functional>
#include <vector>

#include "src/base/io/event_loop.h"
#include "src/storage/commit_path.h"
#include "src/storage/engine_parts.h"
#include "src/storage/opening.h"

namespace timber::storage {

class Replay {
  public:
    Replay(EngineParts& parts, CommitPath& commits, Recovered& recovered, StorageEngine::Done done)
        : parts_(parts),
          commits_(commits),
          recovered_(recovered),
          done_(std::move(done)),
          retry_([this] { start_install(); }) {}
    ~Replay() { TIMBER_ASSERT(!waiting_); }

    // Fills in the Regions, and begins.
    void start();
    // The state store may take writes again.
    void writable();

  private:
    // Entries that one step applies, and the bytes of effects in one batch.
    static constexpr size_t kStepEntriesMax = 256;
    static constexpr size_t kBatchBytesTarget = 1_MiB;

    // A Region whose entries are to be applied, up to `target`.
    struct Task {
        RegionId region;
        raft::LogIndex target;
    };

    Status build();
    Status build_region(RegionId id, RecoveredRegion* logged, const RegionRow* row);
    Result<ChangeNumber> change_of(RegionId id, const RecoveredRegion* logged,
                                   const RegionRow* row) const;
    const RecoveredChange* last_change(RegionId id) const;
    Status take_entries(Region& region, RecoveredRegion& logged, const AppliedState& base);
    Status check_region(const Region& region) const;
    Error corrupted(RegionId region, const char* what) const;

    void post_step();
    void step();
    Status step_change();
    void start_install();
    void wait_for_space(const Error& error);
    void install_ended(Status status);
    Status step_entries();
    Status apply_one(Region& region, const raft::Entry& entry);
    Status write_effects(Region& region);
    void read(Region& region, raft::LogIndex index);
    void end(Status status);

    EngineParts& parts_;
    CommitPath& commits_;
    Recovered& recovered_;
    StorageEngine::Done done_;
    std::vector<Task> tasks_;
    size_t next_change_ = 0;
    size_t next_task_ = 0;
    // Of the Region at work: its state with `effects_`, which are not written yet.
    std::optional<AppliedState> state_;
    memtable::WriteBatch effects_;
    std::optional<raft::Entry> fetched_;
    bool waiting_ = false;  // for a job, an ingest, or space for one
    bool stalled_ = false;  // for writable()
    bool space_missed_ = false;
    Timer retry_;
};

}  // namespace timber::storage
