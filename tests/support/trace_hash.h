#pragma once
// A running 64-bit hash over a sequence of numbers: for telling two runs or two disks apart.
#include <cstdint>

namespace timber {

class TraceHash {
  public:
    void mix(uint64_t value) {
        value_ ^= value;
        value_ *= 0x9e3779b97f4a7c15;
        value_ ^= value_ >> 29;
    }
    uint64_t value() const { return value_; }

  private:
    uint64_t value_ = 0x2545f4914f6cdd1d;
};

}  // namespace timber
