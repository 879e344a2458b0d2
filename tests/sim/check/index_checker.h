#pragma once
// Checks a history against the order that its answers claim: each write tells its place in the log,
// each read the place as of which it was served.
//
// The order is fixed, so this takes near-linear time; only writes whose outcome is unknown, and of
// which nobody told a place, have to be tried. What must hold:
//   - an operation that begins after another ended has no earlier place (a write: a later one);
//   - no two writes share a place;
//   - each read sees exactly the effects of the writes up to its place, among them each write of
//     unknown outcome at most once, at some place behind everything that ended before it began.
//
// Thread:   plain function.
// Failure:  a history of known operations without a place is a bug of the recorder and bad.
#include "tests/sim/check/history.h"

namespace timber::sim {

Verdict check_by_index(const History& history, uint64_t steps_max = 50'000'000);

}  // namespace timber::sim
