#include "raft/progress.h"

#include <algorithm>

#include "src/base/mistake.h"

namespace timber::raft {

bool Progress::paused() const {
    if (waits_for_storage) return true;
    switch (state) {
        case ProgressState::kProbe: return probe_sent;
        case ProgressState::kReplicate: return inflights.full() || (slow && inflights.count() > 0);
        case ProgressState::kSnapshot: return true;
    }
    TIMBER_UNREACHABLE();
}

void Progress::become_probe() {
    // After a snapshot, go on behind it: if it arrived and only its acknowledgement was lost, the
    // probe says so, and the snapshot is not sent a second time.
    const bool after_snapshot = state == ProgressState::kSnapshot && !snapshot_failed;
    next = std::max(match, after_snapshot ? pending_snapshot : LogIndex(0)) + 1;
    state = ProgressState::kProbe;
    probe_sent = false;
    waits_for_storage = false;
    pending_snapshot = {};
    snapshot_ticks_left = 0;
    snapshot_failed = false;
    inflights.clear();
    TIMBER_ASSERT_OP(match, <, next);
}

void Progress::become_replicate() {
    become_probe();
    state = ProgressState::kReplicate;
    next = match + 1;
}

void Progress::become_snapshot(LogIndex index, uint32_t retry_ticks) {
    TIMBER_ASSERT(state != ProgressState::kSnapshot);
    TIMBER_ASSERT(index > LogIndex(0));
    TIMBER_ASSERT(retry_ticks > 0);
    become_probe();
    state = ProgressState::kSnapshot;
    pending_snapshot = index;
    snapshot_ticks_left = retry_ticks;
}

bool Progress::acknowledge(LogIndex index) {
    if (TIMBER_MISTAKE(raft_late_ack_moves_match_back)) {
        if (index < match) match = index;
    }
    if (index <= match) return false;
    match = index;
    next = std::max(next, match + 1);
    probe_sent = false;
    TIMBER_ASSERT_OP(match, <, next);
    return true;
}

bool Progress::reject(LogIndex rejected, LogIndex hint) {
    if (state == ProgressState::kReplicate) {
        // An answer to something that was sent before what is acknowledged: nothing new.
        if (rejected <= match) return false;
        become_probe();
        return true;
    }
    // A probe goes out from next - 1; an answer about another place is late. A snapshot on its way
    // is not called back by an old refusal.
    if (state == ProgressState::kSnapshot || next != rejected + 1) return false;
    next = std::max(std::min(rejected, hint + 1), match + 1);
    probe_sent = false;
    TIMBER_ASSERT_OP(match, <, next);
    return true;
}

void Progress::sent(LogIndex last, uint64_t entries, size_t bytes) {
    TIMBER_ASSERT(state != ProgressState::kSnapshot);
    if (state == ProgressState::kProbe) {
        probe_sent = true;
        return;
    }
    if (entries == 0) return;
    TIMBER_ASSERT_OP(next + entries, ==, last + 1);
    next = last + 1;
    inflights.add(last, bytes);
}

bool Progress::tick_snapshot() {
    if (state != ProgressState::kSnapshot) return false;
    TIMBER_ASSERT(snapshot_ticks_left > 0);
    if (--snapshot_ticks_left > 0) return false;
    become_probe();
    return true;
}

void Progress::report_snapshot_alive(uint32_t retry_ticks) {
    if (state != ProgressState::kSnapshot) return;
    snapshot_ticks_left = retry_ticks;
    snapshot_failed = false;
}

void Progress::report_snapshot_failed(uint32_t retry_ticks) {
    if (state != ProgressState::kSnapshot) return;
    // Not at once: a follower without room would be sent one snapshot after another.
    snapshot_ticks_left = retry_ticks;
    snapshot_failed = true;
}

ProgressStatus Progress::status() const {
    return {id,
            learner,
            match,
            next,
            state,
            paused(),
            recently_active,
            slow,
            pending_snapshot,
            inflights.count(),
            inflights.bytes()};
}

void Progress::check_invariants() const {
    TIMBER_ASSERT_OP(match, <, next);                                                     // P1
    if (state != ProgressState::kReplicate) TIMBER_ASSERT_OP(inflights.count(), ==, 0u);  // P3
    const bool pending = pending_snapshot != LogIndex(0);
    TIMBER_ASSERT_OP(pending, ==, state == ProgressState::kSnapshot);  // P3
    if (state == ProgressState::kReplicate) {
        const bool all_answered = next == match + 1;
        TIMBER_ASSERT_OP(all_answered, ==, inflights.count() == 0);           // P4
        if (!all_answered) TIMBER_ASSERT_OP(inflights.last() + 1, ==, next);  // P4
    }
    inflights.check_invariants();
}

}  // namespace timber::raft
