#include "tests/raft/sim/sim_profile.h"

#include <algorithm>

namespace timber::raft::sim {

Profile Profile::draw(Random& random) {
    Profile profile;
    for (bool& active : profile.active) active = random.percent(65);
    static constexpr uint32_t kSizes[] = {1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7};
    profile.voters = kSizes[random.below(std::size(kSizes))];
    profile.nodes = profile.voters;
    if (profile.has(Fault::kMembership)) {
        profile.nodes = std::min<uint32_t>(7, profile.voters + 1 + random.below(3));
    }
    profile.leases = random.one_in(2);
    // Leases need the promises of check-quorum; without them the core is to be safe all the same.
    profile.check_quorum = profile.leases || random.percent(80);
    profile.pre_vote = random.percent(75);
    profile.view_at_issue = random.one_in(2);
    profile.tiny_limits = random.one_in(3);
    profile.cut_new_leaders = profile.has(Fault::kPartition) && random.one_in(3);
    if (profile.has(Fault::kDrop)) profile.drop_percent = random.between(1, 25);
    if (profile.has(Fault::kDuplicate)) profile.duplicate_percent = random.between(1, 25);
    if (profile.has(Fault::kDelay)) {
        static constexpr uint64_t kDelays[] = {1, 2, 3, 5, 8, 20};
        profile.delay_us_max = kTickUs * kDelays[random.below(std::size(kDelays))];
    }
    if (profile.has(Fault::kSlowDisk)) {
        profile.disk_us_max = kTickUs * random.between(1, 6);
        profile.disk_stall_percent = random.between(2, 8);
        profile.disk_stall_us_max = kTickUs * random.between(10, 150);
    }
    profile.fault_gap_us = kTickUs * random.between(1, 6);
    profile.client_gap_us = random.between(100, 1500);
    profile.mixed_leases = profile.leases && random.one_in(4);
    profile.plots = profile.mixed_leases || random.percent(profile.leases ? 60 : 20);
    if (profile.plots) {
        // Within a lease's time another leader must be elected, and write: nothing else may be
        // slow.
        profile.drop_percent = std::min(profile.drop_percent, 2u);
        profile.disk_us_max = 100;
        profile.disk_stall_percent = 0;
        profile.delay_us_max = std::min<uint64_t>(profile.delay_us_max, 2 * kTickUs);
        profile.client_gap_us = random.between(60, 300);
        profile.fault_gap_us = kTickUs * random.between(3, 8);
        profile.cut_new_leaders = false;
        bool& late_driver = profile.active[static_cast<size_t>(Fault::kLateDriver)];
        late_driver = late_driver && random.one_in(3);
    }
    profile.member_plots =
        !profile.plots && profile.nodes > profile.voters && profile.has(Fault::kCompaction);
    return profile;
}

}  // namespace timber::raft::sim
