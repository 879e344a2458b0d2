#pragma once
// The checkers' stupid twins: every order is tried. For histories of a handful of operations.
//
// Thread: plain functions.
#include "tests/sim/check/history.h"

namespace timber::sim {

// Whether the history is linearizable, whatever places it tells.
bool brute_force_by_search(const History& history);
// Whether it is so in the order that it tells, as index_checker.h says.
bool brute_force_by_index(const History& history);

}  // namespace timber::sim
