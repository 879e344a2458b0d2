#pragma once
// Counts distinct crash states, and those of the kinds that matter.
//
// Thread:   one.
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>

namespace timber::logengine {

enum class StateKind : uint8_t {
    kHole,           // something written was lost in front of something that survived
    kLaterCrash,     // the second or third crash in a row
    kRecovery,       // the crash fell inside a recovery
    kSegmentSwitch,  // while the first group of a segment was in flight
    kRecycling,      // while a used segment got its fresh identity
    kProcessDeath,
    kPowerCut,
    kCutThenPower,  // a power cut right after a recovery from a process death
    kCount,
};
inline constexpr size_t kStateKindCount = static_cast<size_t>(StateKind::kCount);

// A bit for each kind.
using StateKinds = uint32_t;
constexpr StateKinds kind_bit(StateKind kind) { return 1u << static_cast<unsigned>(kind); }

class Coverage {
  public:
    // False if the image was seen before.
    bool count(uint64_t image_fingerprint, StateKinds kinds);
    void count_damage() { ++damage_rounds_; }
    // The kind is still short of its floor, with something to spare.
    bool wanted(StateKind kind) const;

    uint64_t states() const { return seen_.size(); }
    uint64_t damage_rounds() const { return damage_rounds_; }
    std::string to_string() const;
    // What is below its floor.
    std::optional<std::string> shortfall() const;

  private:
    std::unordered_set<uint64_t> seen_;
    std::array<uint64_t, kStateKindCount> counts_{};
    uint64_t damage_rounds_ = 0;
};

}  // namespace timber::logengine
