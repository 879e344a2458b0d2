#include "tests/sim/profile.h"

namespace timber::sim {

using namespace std::chrono_literals;

Profile Profile::draw(Random& random) {
    Profile profile;
    for (bool& active : profile.active) active = random.percent(45);
    // These need some luck each time, and little else finds what they find.
    for (const Trouble rare : {Trouble::kThinMajority, Trouble::kFreezeLeader})
        profile.active[static_cast<size_t>(rare)] |= random.one_in(5);
    static constexpr size_t kVoters[] = {1, 2, 3, 3, 3, 3, 3, 3, 5, 5};
    profile.voters = kVoters[random.below(std::size(kVoters))];
    profile.active[static_cast<size_t>(Trouble::kWipe)] &= profile.voters >= 3;
    profile.machines = profile.voters;
    if (profile.has(Trouble::kMembership) || profile.has(Trouble::kWipe)) {
        profile.machines += random.between(1, 2);
    }
    profile.regions = random.percent(75) ? 1 : random.between(2, 4);
    profile.clients = random.between(3, 6);
    profile.keys = random.between(2, 14);
    static constexpr size_t kValueBytes[] = {20, 40, 200, 1500};
    profile.value_bytes_max = kValueBytes[random.below(std::size(kValueBytes))];
    profile.think_max = 1ms * random.between(2, 8);
    // Often enough that troubles meet while the last one's are still felt.
    profile.gap_max =
        1ms * (random.percent(15) ? random.between(60, 200) : random.between(60, 480));
    profile.length = 1ms * random.between(3500, 7000);
    profile.client_timeout = 1ms * random.between(150, 800);
    profile.leases = random.percent(30);
    profile.log_gc_tight = random.percent(70);
    profile.slow_state = random.percent(30);
    profile.read_percent = random.between(15, 70);
    profile.stray_percent = random.between(3, 40);
    if (profile.has(Trouble::kDrift)) {
        profile.drift_per_mille = profile.leases ? random.between(1, 20) : random.between(1, 200);
    }
    if (profile.has(Trouble::kLoss)) profile.lose_per_mille = random.between(2, 120);
    if (profile.has(Trouble::kDouble)) profile.double_per_mille = random.between(2, 150);
    return profile;
}

}  // namespace timber::sim
