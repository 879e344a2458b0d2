#include "tests/crash/log/workload.h"

namespace timber::logengine {

namespace {

// How common a deed is where nothing else was drawn.
constexpr std::array<uint32_t, kDeedCount> kUsualWeights = [] {
    std::array<uint32_t, kDeedCount> weights{};
    const auto set = [&](Deed deed, uint32_t weight) {
        weights[static_cast<size_t>(deed)] = weight;
    };
    set(Deed::kSmall, 12);
    set(Deed::kLarge, 8);
    set(Deed::kSeveral, 6);
    set(Deed::kCarried, 6);
    set(Deed::kRewritten, 2);
    set(Deed::kBulk, 4);
    set(Deed::kBurst, 12);
    set(Deed::kWait, 8);
    set(Deed::kStep, 12);
    set(Deed::kIdle, 3);
    set(Deed::kRelease, 10);
    set(Deed::kRead, 4);
    set(Deed::kDirectories, 1);
    set(Deed::kReopen, 2);
    set(Deed::kUrgent, 2);
    set(Deed::kFault, 2);
    set(Deed::kSpace, 1);
    return weights;
}();

bool adds_batches(Deed deed) { return deed <= Deed::kBurst; }

void draw_log(Random& random, Options& log) {
    log.directory = "log";
    log.segment_bytes = 64_KiB;
    log.log_id = LogId(random.next());
    log.writes_in_flight_max = random.between(1, 8);
    log.writes_in_flight_fixed = !random.one_in(5);
    log.free_segments_max = random.below(3);
    log.group_bytes_target = size_t{4_KiB} << random.below(5);
    log.pending_bytes_max = random.one_in(4) ? 64_KiB : 1_MiB;
    constexpr std::array<size_t, 3> kReadBytes = {4_KiB, 16_KiB, 1_MiB};
    log.recovery_read_bytes = kReadBytes[random.below(kReadBytes.size())];
}

}  // namespace

Scenario draw_scenario(uint64_t seed, const crash::Limits& limits) {
    Random random(seed);
    Scenario scenario{.seed = seed};
    draw_log(random, scenario.log);
    scenario.disk.direct_io_supported = !random.one_in(4);
    const bool faults = random.one_in(3);
    const bool full = random.one_in(6);
    scenario.resend_percent = random.one_in(3) ? 80 : 25;
    scenario.full_disk_percent = full ? 30 : 2;
    scenario.large_bytes_max = random.one_in(2) ? 12_KiB : 36_KiB;
    for (size_t index = 0; index < kDeedCount; ++index) {
        const auto deed = static_cast<Deed>(index);
        constexpr std::array<uint32_t, 6> kFactors = {0, 1, 2, 2, 4, 10};
        uint32_t factor = kFactors[random.below(kFactors.size())];
        if (deed == Deed::kFault && !faults) factor = 0;
        if (deed == Deed::kSpace && !full) factor = 0;
        if ((limits.deeds_allowed >> index & 1) == 0) factor = 0;
        scenario.weights[index] = kUsualWeights[index] * factor;
    }
    // Where segments are given up as fast as they fill, recycling is never far.
    if (random.one_in(2)) {
        scenario.weights[static_cast<size_t>(Deed::kRelease)] += 60;
        scenario.weights[static_cast<size_t>(Deed::kLarge)] += 40;
        scenario.weights[static_cast<size_t>(Deed::kWait)] += 40;
    }
    uint32_t adding = 0;
    for (size_t index = 0; index < kDeedCount; ++index)
        adding += adds_batches(static_cast<Deed>(index)) ? scenario.weights[index] : 0;
    if (adding == 0) scenario.weights[static_cast<size_t>(Deed::kSmall)] = 20;
    return scenario;
}

Deed Scenario::draw(Random& random) const {
    uint64_t total = 0;
    for (const uint32_t weight : weights) total += weight;
    uint64_t ticket = random.below(total);
    for (size_t index = 0; index < kDeedCount; ++index) {
        if (ticket < weights[index]) return static_cast<Deed>(index);
        ticket -= weights[index];
    }
    TIMBER_UNREACHABLE();
}

}  // namespace timber::logengine
