#include "tests/crash/store/workload.h"

namespace timber::memtable {

namespace {

// How common a deed is where nothing else was drawn.
constexpr std::array<uint32_t, kDeedCount> kUsualWeights = [] {
    std::array<uint32_t, kDeedCount> weights{};
    const auto set = [&](Deed deed, uint32_t weight) {
        weights[static_cast<size_t>(deed)] = weight;
    };
    set(Deed::kWrite, 14);
    set(Deed::kBulk, 8);
    set(Deed::kLarge, 4);
    set(Deed::kRemoveRange, 5);
    set(Deed::kFlush, 10);
    set(Deed::kWait, 3);
    set(Deed::kStep, 14);
    set(Deed::kSettle, 3);
    set(Deed::kCompact, 4);
    set(Deed::kSnapshot, 4);
    set(Deed::kIterate, 4);
    set(Deed::kRead, 4);
    set(Deed::kScan, 3);
    set(Deed::kIngest, 6);
    set(Deed::kExport, 2);
    set(Deed::kReserve, 1);
    set(Deed::kReopen, 2);
    set(Deed::kFault, 2);
    set(Deed::kSpace, 1);
    return weights;
}();

template <typename T, size_t N>
T one_of(Random& random, const std::array<T, N>& choices) {
    return choices[random.below(N)];
}

void draw_family(Random& random, FamilyOptions& family) {
    family.block_bytes = one_of<size_t, 3>(random, {256, 1_KiB, 4_KiB});
    family.restart_interval = one_of<size_t, 3>(random, {1, 4, 16});
    family.compression.fill(one_of<Compression, 3>(
        random, {Compression::kNone, Compression::kLz4, Compression::kZstd}));
    family.filter_bits_per_key = one_of<size_t, 3>(random, {0, 10, 10});
    family.table_bytes_target = one_of<uint64_t, 3>(random, {4_KiB, 16_KiB, 64_KiB});
}

void draw_store(Random& random, Options& store) {
    store.directory = "store";
    store.store_id = random.next();
    for (FamilyOptions& family : store.families) draw_family(random, family);
    store.memory_table_bytes = one_of<size_t, 3>(random, {8_KiB, 32_KiB, 128_KiB});
    store.memory_tables_sealed_max = random.between(1, 4);
    store.block_cache_bytes = one_of<size_t, 3>(random, {4_KiB, 64_KiB, 1_MiB});
    store.level0_files_compact = random.between(1, 4);
    store.level0_files_slow = 20;
    store.level0_files_stop = 36;
    store.level1_bytes = one_of<uint64_t, 3>(random, {8_KiB, 32_KiB, 128_KiB});
    store.level_bytes_multiplier = random.between(2, 10);
    store.compactions_max = random.between(1, 3);
    store.background_bytes_per_second = random.one_in(4) ? 4_MiB : 0;
    store.job_step_bytes = one_of<uint64_t, 3>(random, {4_KiB, 64_KiB, 4_MiB});
    store.manifest_bytes_max = one_of<uint64_t, 2>(random, {4_KiB, 64_KiB});
    store.remove_bytes_per_second = random.one_in(3) ? 1_MiB : 0;
    store.direct_io = !random.one_in(4);
}

}  // namespace

Scenario draw_scenario(uint64_t seed, const crash::Limits& limits) {
    Random random(seed);
    Scenario scenario{.seed = seed};
    draw_store(random, scenario.store);
    scenario.disk.direct_io_supported = !random.one_in(4);
    const bool faults = random.one_in(3);
    const bool full = random.one_in(6);
    scenario.keys = one_of<uint64_t, 3>(random, {20, 80, 300});
    scenario.value_bytes_max = one_of<size_t, 3>(random, {16, 120, 600});
    scenario.redo_percent = random.one_in(3) ? 30 : 90;
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
    return scenario;
}

Deed Scenario::draw(Random& random) const {
    uint64_t total = 0;
    for (const uint32_t weight : weights) total += weight;
    TIMBER_ASSERT(total > 0);
    uint64_t ticket = random.below(total);
    for (size_t index = 0; index < kDeedCount; ++index) {
        if (ticket < weights[index]) return static_cast<Deed>(index);
        ticket -= weights[index];
    }
    TIMBER_UNREACHABLE();
}

std::string Scenario::draw_key(Random& random) const {
    const uint64_t number = random.below(keys);
    // Some share long beginnings, some are prefixes of others, one is empty.
    std::string key;
    if (number % 7 == 1) key = "a long beginning that many of them share/";
    if (number != 0) key += std::to_string(number * 37 % 1000);
    if (number % 5 == 2) key += std::string(1 + number % 90, static_cast<char>(0xf0 + number % 16));
    return key;
}

KeyRange Scenario::draw_range(Random& random) const {
    KeyRange range{draw_key(random), draw_key(random)};
    if (random.one_in(12)) range.begin.clear();
    if (random.one_in(12)) range.end.clear();
    if (!range.end.empty() && range.end < range.begin) std::swap(range.begin, range.end);
    return range;
}

}  // namespace timber::memtable
