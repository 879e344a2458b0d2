#pragma once
// What clients saw: operations on an ordered map of keys, and when each began and ended.
//
// Keys are one ordered space: families are told apart by a prefix that the recorder gives them.
// Moments are numbers that grow in the order of the events; a tie counts as "at the same time".
// Every put writes a value that nothing else ever writes.
//
// Thread:   plain values.
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace timber::sim {

// A put, or a remove where there is no value.
struct Effect {
    std::string key{};
    std::optional<std::string> value{};
};

struct Operation {
    enum class Kind : uint8_t { kWrite, kGet, kScan };
    static constexpr uint64_t kNever = std::numeric_limits<uint64_t>::max();

    Kind kind = Kind::kWrite;
    uint64_t begin = 0;
    // kNever: the outcome is unknown. It may have happened at any moment after `begin`, or may
    // never; once at most.
    uint64_t end = kNever;
    // Where a write is in the order that the server claims, and which state of it a read saw.
    // 0: not told. No two writes have the same.
    uint64_t index = 0;
    // Of writes: all take effect together. One for each key.
    std::vector<Effect> effects{};
    // Of a get: its key. Of a scan: where it begins.
    std::string key{};
    // Of scans: the end of the range, exclusive, and how many pairs were asked for.
    std::string end_key{};
    size_t limit = 0;
    // What was read.
    std::optional<std::string> value{};
    std::vector<std::pair<std::string, std::string>> pairs{};

    bool unknown() const { return end == kNever; }
    bool writes() const { return kind == Kind::kWrite; }
};

using History = std::vector<Operation>;

// For people: one line.
std::string describe(const Operation& operation);

struct Verdict {
    bool good = true;
    // The checker ran out of steps. Counts as a failure: nothing was shown.
    bool exhausted = false;
    std::string why{};
    uint64_t steps = 0;
};

}  // namespace timber::sim
