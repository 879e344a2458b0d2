// Compaction of the log: by count and by bytes, and no further than members need that keep up.
#include <algorithm>

#include "src/raftstore/peer.h"

namespace timber::raftstore {

void Peer::gc_log() {
    if (destroying_ || !initialized() || !leads()) return;
    const StoreOptions& options = host_.options();
    const storage::AppliedState& applied = storage_.applied();
    raft::LogIndex target = applied.applied;
    for (const raft::ProgressStatus& member : node_->status().progress) {
        const raft::LogIndex match = std::min(member.match, applied.applied);
        const bool far_behind =
            applied.applied - match > options.log_gc_lag_entries_max ||
            log_sizes_.between(match, applied.applied) > options.log_gc_lag_bytes_max;
        // Whoever is that far behind gets a snapshot.
        if (!far_behind) target = std::min(target, match);
    }
    if (target <= applied.truncated.index) return;
    const uint64_t entries = target - applied.truncated.index;
    const uint64_t bytes = log_sizes_.between(applied.truncated.index, target);
    if (entries < options.log_gc_entries && bytes < options.log_gc_bytes) return;
    compact_log_now(target);
}

void Peer::compact_log_now(raft::LogIndex index) {
    if (destroying_ || !leads()) return;
    index = std::min(index, storage_.applied().applied);
    if (index <= storage_.applied().truncated.index || index <= compaction_proposed_) return;
    CompactLogRequest compact{.index = index};
    request(compact, {});
    compaction_proposed_ = index;
    host_.wake(region_id());
}

}  // namespace timber::raftstore
