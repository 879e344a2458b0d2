#pragma once
// The one list of planted mistakes; mistake.h says what they are for.
//
// Sorted by library. Each line: the name, then what goes wrong and which checker must notice.
#define TIMBER_MISTAKES(X) \
    TIMBER_MISTAKES_LOG(X) \
    TIMBER_MISTAKES_RAFT(X)

#define TIMBER_MISTAKES_LOG(X)                                                                    \
    X(log_ack_before_durable,                                                                     \
      "a batch is acknowledged when its write is submitted; log_crash_explorer")                  \
    X(log_write_not_durable,                                                                      \
      "a group's write stays in the device's volatile cache; log_crash_explorer")                 \
    X(log_completion_out_of_order,                                                                \
      "a group is acknowledged while an earlier one is in flight; log_crash_explorer")            \
    X(log_write_error_ignored,                                                                    \
      "a failed write counts as done; log_crash_explorer")                                        \
    X(log_block_rewritten,                                                                        \
      "a group overwrites the last block of its predecessor; log_crash_explorer")                 \
    X(log_header_unchecked,                                                                       \
      "no checksum covers a group's header; log_crash_explorer, by its damage rounds")            \
    X(log_chain_unchecked,                                                                        \
      "recovery does not compare predecessor and epoch; log_crash_explorer")                      \
    X(log_epoch_reused,                                                                           \
      "two recoveries choose the same epoch, so a gap filled with the same bytes revives what lay" \
      " behind it; log_crash_explorer")                                                           \
    X(log_recovery_not_synced,                                                                    \
      "recovery acts on bytes that were readable but not durable; log_crash_explorer")            \
    X(log_identity_kept,                                                                          \
      "a segment is reused without a fresh identity; log_crash_explorer")                         \
    X(log_directory_not_synced,                                                                   \
      "a new segment's name is not made durable; log_crash_explorer")                             \
    X(log_release_not_durable,                                                                    \
      "a segment is reused before release and checkpoint are durable; log_crash_explorer")        \
    X(log_checkpoint_incomplete,                                                                  \
      "a checkpoint leaves one carried-forward record out; log_crash_explorer")                   \
    X(log_witness_ahead,                                                                          \
      "a group claims that batches in flight are durable; log_crash_explorer")

#define TIMBER_MISTAKES_RAFT(X)
