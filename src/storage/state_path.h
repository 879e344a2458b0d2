#pragma once
// Applying: the effects of entries, with the Region's row, into the state store; and what of that
// its files hold.
//
// When the store seals a memory table, everything applied so far is in it or in older ones; once it
// is flushed, the entries up to there need not be applied again.
//
// Thread:     the loop.
// Lifetime:   `parts` and `commits` outlive it.
// Invariants: SP1  a Region's row is written in one batch with the effects that it speaks of.
//             SP2  an entry counts as needed until a flush that holds its effects is durable.
#include <deque>
#include <vector>

#include "src/storage/commit_path.h"
#include "src/storage/engine_parts.h"

namespace timber::storage {

class StatePath {
  public:
    StatePath(EngineParts& parts, CommitPath& commits) : parts_(parts), commits_(commits) {}

    Status apply(RegionId region, AppliedState state, const memtable::WriteBatch& effects);

    // The store seals a table: the log is needed from here on once that is flushed.
    memtable::LogMark sealed();
    void flushed(memtable::Sequence flushed);

  private:
    // How far each Region had applied when a table was sealed.
    struct Seal {
        struct Applied {
            RegionId region;
            ChangeNumber change;
            raft::LogIndex applied;
            raft::LogIndex truncated;
        };
        memtable::Sequence last;
        std::vector<Applied> regions;
    };

    Seal take_seal() const;
    logengine::Lsn needed_from() const;

    EngineParts& parts_;
    CommitPath& commits_;
    // What write() is putting into the store: a table sealed within has it.
    const Region* applying_ = nullptr;
    const AppliedState* applying_to_ = nullptr;
    std::deque<Seal> seals_;
    memtable::WriteBatch scratch_;
};

}  // namespace timber::storage
