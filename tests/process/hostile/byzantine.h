#pragma once
// A Store whose fellow members lie: the test speaks in their names, after a right introduction, and
// says anything at all. Nothing is promised to a Store in such company but that no message crashes
// it or fills its memory.
//
// Thread:  one.
// Failure: ends the test.
#include <cstdint>

#include "src/base/io/clock.h"
#include "tests/process/hostile/attacks.h"

namespace timber::hostile {

// In the names of Stores 2 and 3, to the Store 1 of `target`, for `limit`; how many messages.
uint64_t lie_as_members(const Target& target, uint64_t seed, Duration limit);

}  // namespace timber::hostile
