#pragma once
// The proof that a checker sees: with each planted mistake on, the ordinary workload, which does
// not know of it, must find a failure.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "src/base/mistake.h"

namespace timber::crash {

// One seed's search for a failure.
class MistakeHunt {
  public:
    virtual ~MistakeHunt() = default;
    // What was found; nothing if the budget is used up.
    virtual std::optional<std::string> find() = 0;
    // How much was done so far.
    virtual uint64_t work() const = 0;
};

struct MistakeRuns {
    std::span<const Mistake> mistakes;
    const char* unit;  // of the work
    std::function<std::unique_ptr<MistakeHunt>(uint64_t seed)> make_hunt;
};

// Ten fresh seeds for each mistake and for none; 0 if each was caught for nine at least and none
// was found where there is none.
int run_mistakes(const MistakeRuns& runs, uint64_t seed);

}  // namespace timber::crash
