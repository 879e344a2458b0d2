#include "tests/crash/engine/workload.h"

namespace timber::storage {
namespace {

constexpr std::array<uint32_t, kDeedCount> kUsualWeights = [] {
    std::array<uint32_t, kDeedCount> weights{};
    const auto set = [&](Deed deed, uint32_t weight) {
        weights[static_cast<size_t>(deed)] = weight;
    };
    set(Deed::kCommit, 16);
    set(Deed::kBulk, 6);
    set(Deed::kOverwrite, 4);
    set(Deed::kApply, 14);
    set(Deed::kCompact, 5);
    set(Deed::kCreate, 3);
    set(Deed::kDestroy, 2);
    set(Deed::kInstall, 7);
    set(Deed::kLocal, 2);
    set(Deed::kFlush, 6);
    set(Deed::kWait, 6);
    set(Deed::kStep, 14);
    set(Deed::kRest, 2);
    set(Deed::kRead, 3);
    set(Deed::kCheck, 2);
    set(Deed::kReopen, 2);
    set(Deed::kFault, 1);
    set(Deed::kSpace, 1);
    return weights;
}();

template <typename T, size_t N>
T one_of(Random& random, const std::array<T, N>& choices) {
    return choices[random.below(N)];
}

void draw_engine(Random& random, EngineOptions& engine) {
    engine.directory = "store";
    engine.format =
        StoreIdentity{ClusterId(1), StoreId(1 + random.below(5)), Incarnation(random.next())};
    engine.log.segment_bytes = one_of<uint64_t, 3>(random, {64_KiB, 64_KiB, 128_KiB});
    engine.log.group_bytes_target = one_of<size_t, 3>(random, {1, 16_KiB, 1_MiB});
    engine.log.writes_in_flight_max = random.between(1, 4);
    engine.log.recovery_read_bytes = 16_KiB;
    engine.log_bytes_max = engine.log.segment_bytes * random.between(4, 8);
    engine.entry_cache_bytes = one_of<size_t, 3>(random, {1_KiB, 16_KiB, 1_MiB});
    engine.recovery_bytes_max = one_of<size_t, 3>(random, {500, 16_KiB, 1_MiB});
    engine.state.memory_table_bytes = one_of<size_t, 3>(random, {12_KiB, 40_KiB, 200_KiB});
    engine.state.memory_tables_sealed_max = random.between(1, 3);
    engine.state.block_cache_bytes = 64_KiB;
    engine.state.level0_files_compact = random.between(2, 4);
    engine.state.level1_bytes = 64_KiB;
    engine.state.manifest_bytes_max = one_of<uint64_t, 2>(random, {4_KiB, 64_KiB});
    engine.state.direct_io = !random.one_in(4);
}

}  // namespace

Scenario draw_scenario(uint64_t seed, const crash::Limits& limits) {
    Random random(seed);
    Scenario scenario{.seed = seed};
    draw_engine(random, scenario.engine);
    scenario.disk.direct_io_supported = !random.one_in(4);
    // Slow operations: one file is done long before another that was written earlier.
    scenario.disk.stalls_per_million = one_of<uint64_t, 3>(random, {0, 5'000, 50'000});
    const bool faults = random.one_in(3);
    const bool full = random.one_in(6);
    scenario.regions = random.between(1, 5);
    scenario.value_bytes_max = one_of<size_t, 3>(random, {40, 400, 3000});
    scenario.full_disk_percent = full ? 30 : 2;
    for (size_t index = 0; index < kDeedCount; ++index) {
        const auto deed = static_cast<Deed>(index);
        constexpr std::array<uint32_t, 6> kFactors = {0, 1, 2, 2, 4, 8};
        uint32_t factor = one_of(random, kFactors);
        if (deed == Deed::kFault && !faults) factor = 0;
        if (deed == Deed::kSpace && !full) factor = 0;
        if ((limits.deeds_allowed >> index & 1) == 0) factor = 0;
        scenario.weights[index] = kUsualWeights[index] * factor;
    }
    if ((limits.deeds_allowed & 1) != 0) scenario.weights[0] += 10;
    // Without a Region there is nothing to do.
    scenario.weights[static_cast<size_t>(Deed::kCreate)] += 1;
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

}  // namespace timber::storage
