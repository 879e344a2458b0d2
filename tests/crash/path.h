#pragma once
// How a crash state was reached: a scenario, its limits, and the deaths in a row that lead to it.
// This is what a failure prints and --replay takes.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace timber::crash {

// A moment of a life at which it might end.
struct Moment {
    enum class Kind : uint8_t {
        kStep,    // before something happens to the disk
        kOpened,  // right after a recovery
        kEnd,     // when all deeds are done
        kQuiet,   // at the end, with nothing under way any more
    };

    Kind kind = Kind::kEnd;
    uint64_t step = 0;  // of the disk

    friend bool operator==(const Moment&, const Moment&) = default;
};

// How a life ended and what it left.
struct End {
    enum class Kind : uint8_t { kProcessDeath, kPowerCut, kDamage };

    Moment moment;
    Kind kind = Kind::kProcessDeath;
    uint64_t seed = 0;  // decides what is left, or what is damaged
};

// What a failing run is cut down to.
struct Limits {
    uint32_t deeds = 1000;                 // in each life
    uint32_t crashes = 3;                  // in a row
    uint32_t deeds_allowed = 0xffff'ffff;  // a bit for each kind

    friend bool operator==(const Limits&, const Limits&) = default;
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

}  // namespace timber::crash
