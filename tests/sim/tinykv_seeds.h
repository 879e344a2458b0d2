#pragma once
// Which seeds the ports of TinyKV's tests play: two in a round, and --gtest_repeat plays more
// rounds, each with seeds of its own.
//
// Thread: one.
#include <functional>

namespace timber::sim {

// Plays `test` with each seed of the round.
void for_each_seed(const char* name, bool harder, const std::function<void(unsigned seed)>& test);

}  // namespace timber::sim
