#pragma once
// Which seed the ports of TinyKV's tests play: the first round plays seed 1, and with
// --gtest_repeat each further round the next.
//
// Thread: one.
#include <functional>

namespace timber::sim {

// Plays `test` with the seed of the round.
void for_each_seed(const char* name, bool harder, const std::function<void(unsigned seed)>& test);

}  // namespace timber::sim
