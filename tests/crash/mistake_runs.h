#pragma once
// The proof that an explorer sees: with each planted mistake on, the ordinary workload, which does
// not know of it, must find a failure.
#include <cstdint>

#include "tests/crash/program.h"

namespace timber::crash {

// Ten fresh seeds for each mistake and for none; 0 if each was caught for nine at least and none
// was found where there is none.
int run_mistakes(const Program& program, const MakeExplorer& make, uint64_t seed);

}  // namespace timber::crash
