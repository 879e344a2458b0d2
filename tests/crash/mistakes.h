#pragma once
// The proof that the explorer sees: with each planted mistake of the log on, the ordinary workload,
// which does not know of it, must find a failure.
#include <cstdint>

namespace timber::logengine {

// Ten fresh seeds for each mistake and for none; 0 if each was caught for nine at least and none
// was found where there is none.
int run_mistakes(uint64_t seed);

}  // namespace timber::logengine
