#pragma once
// How a state was reached: a scenario, its limits, and the deaths in a row that lead to it. This is
// what a failure prints and --replay takes.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/crash/life.h"
#include "tests/crash/workload.h"

namespace timber::logengine {

// How a life ended and what it left.
struct End {
    enum class Kind : uint8_t { kProcessDeath, kPowerCut, kDamage };

    Moment moment;
    Kind kind = Kind::kProcessDeath;
    uint64_t seed = 0;  // decides what is left, or what is damaged
};

struct Path {
    uint64_t scenario_seed = 0;
    Limits limits;
    std::vector<End> ends;

    // The seed of the life behind the last end.
    uint64_t life_seed() const;
    // The last end was damage, not death.
    bool at_rest() const { return !ends.empty() && ends.back().kind == End::Kind::kDamage; }
    std::string to_string() const;
};

std::optional<Path> parse_path(std::string_view text);

}  // namespace timber::logengine
