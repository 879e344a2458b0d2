#pragma once
// Counts distinct crash states, and those of the kinds that matter.
//
// Thread:   one.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace timber::crash {

// A bit for each kind of state; an explorer numbers its own kinds from kOwnKinds on.
using StateKinds = uint32_t;
constexpr StateKinds kind_bit(unsigned kind) { return 1u << kind; }

// What every explorer has.
enum CommonKind : unsigned {
    kHole,        // something written was lost in front of something that survived
    kLaterCrash,  // the second or third crash in a row
    kRecovery,    // the crash fell inside a recovery
    kProcessDeath,
    kPowerCut,
    kCutThenPower,  // a power cut right after a recovery from a process death
    kOwnKinds,
};

// A kind's name for people, and which part of the distinct states must be of it.
struct KindFloor {
    std::string_view name;
    uint64_t floor_percent;
};

class Coverage {
  public:
    // The floors of the explorer's own kinds, in their order; they outlive this.
    explicit Coverage(std::span<const KindFloor> own);

    // False if the image was seen before.
    bool count(uint64_t image_fingerprint, StateKinds kinds);
    void count_damage() { ++damage_rounds_; }
    // The kind is still short of its floor, with something to spare.
    bool wanted(unsigned kind) const;

    uint64_t states() const { return seen_.size(); }
    uint64_t damage_rounds() const { return damage_rounds_; }
    std::string to_string() const;
    // What is below its floor.
    std::optional<std::string> shortfall() const;

  private:
    std::vector<KindFloor> floors_;
    std::vector<uint64_t> counts_;
    std::unordered_set<uint64_t> seen_;
    uint64_t damage_rounds_ = 0;
};

}  // namespace timber::crash
