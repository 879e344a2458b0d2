#pragma once
// A small seeded generator: the only source of randomness below the process's edge.
//
// xoshiro256** 1.0, seeded through splitmix64 (Blackman and Vigna, "Scrambled Linear Pseudorandom
// Number Generators", ACM TOMS 47, 2021, section 5 and appendix). Not for secrets.
#include <array>
#include <cstdint>

#include "src/base/assert.h"

namespace timber {

class Random {
  public:
    explicit Random(uint64_t seed);

    uint64_t next();
    // Uniform in [0, bound); `bound` is at least 1.
    uint64_t below(uint64_t bound);
    // Uniform in [low, high].
    uint64_t between(uint64_t low, uint64_t high) {
        TIMBER_ASSERT_OP(low, <=, high);
        const uint64_t width = high - low;
        return width == UINT64_MAX ? next() : low + below(width + 1);
    }
    // True once in `n` on average.
    bool one_in(uint64_t n) { return below(n) == 0; }
    // True with a probability of `percent` in a hundred.
    bool percent(uint64_t percent) { return below(100) < percent; }
    // An independent generator, drawn from this one.
    Random fork() { return Random(next()); }

  private:
    std::array<uint64_t, 4> state_;
};

}  // namespace timber
