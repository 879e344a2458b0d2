#pragma once
// A script of deeds for one life of the state store, and the sets of options to play it under. No
// disk fails and nobody dies; a reopening loses what was not flushed, and the owner writes it
// again.
//
// Thread:   one.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/crash/store/life.h"

namespace timber::memtable {

struct Script {
    uint64_t seed = 0;
    size_t drawn = 0;  // deeds, before any was left out
    std::vector<Life::ScriptedDeed> deeds;
    std::vector<size_t> numbers;  // of those that are left, among the drawn
};

Script draw_script(uint64_t seed, size_t deeds);

inline constexpr size_t kOptionSets = 8;
std::string_view options_name(size_t set);

// Why it failed; nothing if it did not.
std::optional<std::string> play(const Script& script, size_t options);

// Leaves out deeds as long as it still fails.
Script shrink(const Script& script, size_t options);

std::string to_string(const Script& script, size_t options);
std::optional<Script> parse_script(std::string_view text, size_t& options);

}  // namespace timber::memtable
