#pragma once
// Checks a history by search: whether some order of its operations, each between its beginning and
// its end, explains what every read saw. Believes nothing that the servers say about their order.
//
// The search is Wing and Gong's, with the memory of states of Lowe ("Testing for linearizability",
// 2017), part by part: keys that no scan and no write of several keys ties together are
// independent.
// A write of unknown outcome may take effect at any moment after its beginning, or never. One of a
// single key need only be tried right before a read that sees it.
//
// Thread:   plain function.
// Failure:  running out of steps is a verdict of its own, and not good.
#include "tests/sim/check/history.h"

namespace timber::sim {

Verdict check_by_search(const History& history, uint64_t steps_max = 20'000'000);

}  // namespace timber::sim
