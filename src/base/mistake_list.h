#pragma once
// The one list of planted mistakes; mistake.h says what they are for.
//
// Sorted by library. Each line: the name, then what goes wrong and which checker must notice.
#define TIMBER_MISTAKES(X)    \
    TIMBER_MISTAKES_LOG(X)    \
    TIMBER_MISTAKES_RAFT(X)   \
    TIMBER_MISTAKES_STORE(X)  \
    TIMBER_MISTAKES_ENGINE(X) \
    TIMBER_MISTAKES_RAFTSTORE(X)

#define TIMBER_MISTAKES_LOG(X)                                                                     \
    X(log_ack_before_durable,                                                                      \
      "a batch is acknowledged when its write is submitted; log_crash_explorer")                   \
    X(log_write_not_durable,                                                                       \
      "a group's write stays in the device's volatile cache; log_crash_explorer")                  \
    X(log_completion_out_of_order,                                                                 \
      "a group is acknowledged while an earlier one is in flight; log_crash_explorer")             \
    X(log_write_error_ignored, "a failed write counts as done; log_crash_explorer")                \
    X(log_block_rewritten,                                                                         \
      "a group overwrites the last block of its predecessor; log_crash_explorer")                  \
    X(log_header_unchecked,                                                                        \
      "no checksum covers a group's header; log_crash_explorer, by its damage rounds")             \
    X(log_chain_unchecked, "recovery does not compare predecessor and epoch; log_crash_explorer")  \
    X(log_epoch_reused,                                                                            \
      "two recoveries choose the same epoch, so a gap filled with the same bytes revives what lay" \
      " behind it; log_crash_explorer")                                                            \
    X(log_recovery_not_synced,                                                                     \
      "recovery acts on bytes that were readable but not durable; log_crash_explorer")             \
    X(log_identity_kept, "a segment is reused without a fresh identity; log_crash_explorer")       \
    X(log_identity_not_durable,                                                                    \
      "a retired file takes groups before it is durable that it is a segment again; "              \
      "log_crash_explorer")                                                                        \
    X(log_directory_not_synced, "a new segment's name is not made durable; log_crash_explorer")    \
    X(log_release_not_durable,                                                                     \
      "a segment is reused before release and checkpoint are durable; log_crash_explorer")         \
    X(log_checkpoint_incomplete,                                                                   \
      "a checkpoint leaves one carried-forward record out; log_crash_explorer")                    \
    X(log_witness_ahead, "a group claims that batches in flight are durable; log_crash_explorer")

#define TIMBER_MISTAKES_RAFT(X)                                                                    \
    X(raft_vote_forgotten,                                                                         \
      "a write keeps the term and not the vote, so a restarted node votes twice; the check of "    \
      "promises against the disk, or election safety")                                             \
    X(raft_own_vote_before_durable,                                                                \
      "a candidate counts its own vote at once; the check of leaders against disks")               \
    X(raft_own_match_before_durable,                                                               \
      "a leader counts its own log before it is durable; the check of commits against disks")      \
    X(raft_completion_by_index_and_term,                                                           \
      "a completion counts for whatever has its index and term now; the check of what a node "     \
      "believes durable against its disk")                                                         \
    X(raft_old_term_committed_by_count,                                                            \
      "a leader commits an older term's entry by counting; leader completeness, or the rule "      \
      "that commits advance to an own entry")                                                      \
    X(raft_ack_before_durable,                                                                     \
      "an append is acknowledged at once; the check of promises against the disk")                 \
    X(raft_vote_skips_log_check, "a vote is granted to a log that is behind; the check of grants") \
    X(raft_pre_vote_skips_log_check,                                                               \
      "a pre-vote is granted to a log that is behind; the check of grants")                        \
    X(raft_change_handed_over_twice,                                                               \
      "a membership change at the end of a page is handed over twice; the state machine")          \
    X(raft_read_without_quorum, "a read is confirmed without a round; linearizability")            \
    X(raft_read_before_own_commit,                                                                 \
      "a new leader reads before an entry of its term is committed; linearizability")              \
    X(raft_lease_from_receipt, "the lease counts from when the answer came; linearizability")      \
    X(raft_lease_kept_in_transfer,                                                                 \
      "the lease is kept when leadership is offered; linearizability")                             \
    X(raft_restart_forgets_promise,                                                                \
      "a restarted node votes at once, though a leader may hold a lease; linearizability")         \
    X(raft_lease_without_promise,                                                                  \
      "answers of nodes that have leases off count for the lease; linearizability")                \
    X(raft_settled_when_applied,                                                                   \
      "a removed node is given up when its leader alone knows of the removal; progress")           \
    X(raft_passed_change_applied,                                                                  \
      "a change is applied on top of a pending snapshot's members; the check of members")          \
    X(raft_proposal_fate_untold,                                                                   \
      "nobody hears that a proposal was overwritten; the check that proposals end")                \
    X(raft_truncate_keeps_durable,                                                                 \
      "cutting the log leaves the durable index ahead; invariants N4 and L5, or the check of "     \
      "what a node believes durable")                                                              \
    X(raft_stale_snapshot_accepted,                                                                \
      "a snapshot older than what is committed is restored; commit going back")                    \
    X(raft_late_ack_moves_match_back,                                                              \
      "a late acknowledgement lowers a follower's match; the check that match never goes down")    \
    X(raft_heartbeat_commit_unbounded,                                                             \
      "a heartbeat carries a commit that the follower may not match; state machine safety")        \
    X(raft_append_without_previous_check,                                                          \
      "entries are taken whatever comes before them; log matching")                                \
    X(raft_snapshot_ack_before_installed,                                                          \
      "a snapshot is acknowledged before it is durable; the check of promises against the disk")

#define TIMBER_MISTAKES_STORE(X)                                                                   \
    X(store_range_remove_lost,                                                                     \
      "a compaction knows nothing of the range removes of its inputs; the model, by what comes "   \
      "back")                                                                                      \
    X(store_remove_dropped_early,                                                                  \
      "a remove goes although older data lies below it; the model, by what comes back")            \
    X(store_snapshot_ignored, "a compaction knows of no snapshot; the model, at snapshots")        \
    X(store_family_flushed_later,                                                                  \
      "a flush leaves out a family's newest memory table and says that all is flushed; the model " \
      "after a crash")                                                                             \
    X(store_versions_split,                                                                        \
      "a compaction begins a file between two versions of a key; invariants of the version, or "   \
      "the model")                                                                                 \
    X(store_level0_older_left,                                                                     \
      "a compaction of level 0 leaves the oldest of overlapping files behind, above newer data; "  \
      "invariants of compactions, or the model")                                                   \
    X(store_directory_not_synced,                                                                  \
      "a flush or compaction is published before its files' names are durable; "                   \
      "store_crash_explorer")                                                                      \
    X(store_log_floor_late,                                                                        \
      "the log floor of a flush is asked for when the flush begins, behind later writes; "         \
      "store_crash_explorer, by its log")                                                          \
    X(store_ingest_skips_memory,                                                                   \
      "an ingest does not hide what older memory tables hold; the model, or the model after a "    \
      "crash")                                                                                     \
    X(store_ingest_rows_apart,                                                                     \
      "an ingest's rows are not in the edit with its files; store_crash_explorer")                 \
    X(store_orphans_removed_early,                                                                 \
      "orphans are removed before the owner has named its files; store_crash_explorer")            \
    X(store_cache_id_by_name,                                                                      \
      "a table's cache id comes from its number, and numbers come round, so a block of an "        \
      "earlier file answers; the model")                                                           \
    X(store_filter_wrong_keys,                                                                     \
      "a table's filter knows internal keys and is asked for user keys; the model, by point "      \
      "reads")                                                                                     \
    X(store_table_not_synced, "a finished table file is not synced; store_crash_explorer")         \
    X(store_block_unchecked,                                                                       \
      "nobody compares a block's checksum; store_crash_explorer, by its damage rounds")

#define TIMBER_MISTAKES_ENGINE(X)                                                                 \
    X(engine_applied_ahead, "a batch says that one entry more is applied; engine_crash_explorer") \
    X(engine_row_ahead,                                                                           \
      "a Region's row speaks of one entry more than its effects; engine_crash_explorer")          \
    X(engine_progress_apart, "entries and progress go into two batches; engine_crash_explorer")   \
    X(engine_log_released_before_flush,                                                           \
      "entries that are applied and not flushed do not hold the log; engine_crash_explorer")      \
    X(engine_progress_not_carried,                                                                \
      "the log is released with a Region's only hard state in it; engine_crash_explorer")         \
    X(engine_install_before_record,                                                               \
      "a snapshot is installed before the log has its record; engine_crash_explorer")             \
    X(engine_install_not_redone,                                                                  \
      "recovery takes a snapshot that it finds in the log for installed; engine_crash_explorer")  \
    X(engine_old_range_kept, "a destroyed Region's data stay; engine_crash_explorer")             \
    X(engine_orphans_removed_early,                                                               \
      "files that the log speaks of are removed before it was read; engine_crash_explorer")       \
    X(engine_rewritten_is_append,                                                                 \
      "a rewritten record counts as a new append; engine_crash_explorer")                         \
    X(engine_change_replayed_twice,                                                               \
      "a change by value that the store has is carried out again; engine_crash_explorer")

#define TIMBER_MISTAKES_RAFTSTORE(X)                                                               \
    X(rs_ack_before_majority,                                                                      \
      "a write is answered when it is proposed; timber_sim, durability or linearizability")        \
    X(rs_promise_before_durable,                                                                   \
      "votes and acknowledgements are sent before the disk has them; timber_sim, durability")      \
    X(rs_read_without_round,                                                                       \
      "whoever takes itself for the leader reads without asking; timber_sim, linearizability")     \
    X(rs_read_before_applied,                                                                      \
      "a read does not wait until its index is applied; timber_sim, linearizability")              \
    X(rs_callback_by_index,                                                                        \
      "a proposal is matched by its index alone, so another leader's entry acknowledges it; "      \
      "timber_sim, by indices and terms of answers, or durability")                                \
    X(rs_callback_dropped,                                                                         \
      "proposals of a leader that lost its place are never answered; timber_sim, progress")        \
    X(rs_passed_by_snapshot_stale,                                                                 \
      "a command that a snapshot passed over is said to be surely not done; timber_sim, "          \
      "linearizability")                                                                           \
    X(rs_incarnation_unchecked,                                                                    \
      "a Store whose disk was wiped votes and acknowledges in its old place; timber_sim, "         \
      "durability")                                                                                \
    X(rs_full_disk_acknowledges,                                                                   \
      "what a full disk refused is acknowledged all the same; timber_sim, durability")             \
    X(rs_received_file_not_synced,                                                                 \
      "the log speaks of a received snapshot's files before they are durable; timber_sim, by "     \
      "openings after a loss of power")                                                            \
    X(rs_applied_before_durable,                                                                   \
      "entries are applied before the own disk has them; timber_sim, by the storage engine's E2")  \
    X(rs_install_in_two_steps,                                                                     \
      "a snapshot clears the range in one commit and fills it in the next; timber_sim, the state " \
      "after a crash")                                                                             \
    X(rs_old_range_kept,                                                                           \
      "a snapshot is put over what was there, which stays; timber_sim, equal states")              \
    X(rs_snapshot_index_late,                                                                      \
      "a snapshot claims what was applied when its files were finished; timber_sim, equal states") \
    X(rs_epoch_unchecked,                                                                          \
      "a write proposed for an earlier range is applied; raftstore_test, the apply function's "    \
      "tables")
