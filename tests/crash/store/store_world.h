#pragma once
// The state store, as the crash explorer sees it.
#include <array>
#include <memory>
#include <span>

#include "tests/crash/damage_at_rest.h"
#include "tests/crash/explorer.h"
#include "tests/crash/store/life.h"
#include "tests/crash/store/model.h"
#include "tests/crash/store/workload.h"

namespace timber::memtable {

struct StoreWorld {
    using Scenario = memtable::Scenario;
    using Model = StoreModel;
    struct Proof {};
    using Life = memtable::Life;

    enum Kind : unsigned {
        kInsideFlush = crash::kOwnKinds,
        kInsideCompaction,
        kInsideManifestChange,
        kInsideIngest,
        kInsideRemoval,
    };
    static constexpr unsigned kRarestKind = kInsideRemoval;
    static constexpr std::array<crash::KindFloor, 5> kFloors = {{{"inside flush", 5},
                                                                 {"inside compaction", 5},
                                                                 {"inside manifest change", 5},
                                                                 {"inside ingest", 5},
                                                                 {"inside file removal", 5}}};
    static std::span<const unsigned> wanted_kinds() {
        static constexpr std::array<unsigned, 6> kKinds = {kInsideRemoval,        kInsideIngest,
                                                           kInsideManifestChange, kInsideCompaction,
                                                           kInsideFlush,          crash::kRecovery};
        return kKinds;
    }
    static constexpr crash::Tuning kTuning = {.clones_per_life = {24, 4, 2},
                                              .steps_per_life = {400, 130, 100},
                                              .deeds_per_life = {60, 14, 14, 2},
                                              .states_per_scenario = 200};

    Scenario begin(uint64_t seed, const crash::Limits& limits) {
        return draw_scenario(seed, limits);
    }
    std::unique_ptr<Life> make_life(const Scenario& scenario, crash::LifeStart<StoreWorld> start,
                                    crash::LifeWatcher<StoreWorld>& watcher) {
        return std::make_unique<Life>(scenario, std::move(start), watcher);
    }
    static bool worth_damaging(const Life& life) { return life.model().ever_opened(); }
    static DiskImage damage(const DiskImage& clean, const Life& life, uint64_t seed) {
        return crash::damaged_at_rest(clean, life.earlier_image(), seed);
    }
    Proof proof(const Life&, const DiskImage&) { return {}; }
};

}  // namespace timber::memtable
