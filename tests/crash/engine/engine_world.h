#pragma once
// The storage engine, as the crash explorer sees it.
#include <array>
#include <memory>
#include <span>

#include "tests/crash/damage_at_rest.h"
#include "tests/crash/engine/life.h"
#include "tests/crash/engine/model.h"
#include "tests/crash/engine/workload.h"
#include "tests/crash/explorer.h"

namespace timber::storage {

struct EngineWorld {
    using Scenario = storage::Scenario;
    using Model = EngineModel;
    struct Proof {};
    using Life = storage::Life;

    enum Kind : unsigned {
        kInsideCommit = crash::kOwnKinds,
        kInsideFlush,
        kInsideInstall,
        kInsideManifestChange,
        // At the last moment before an install's record, or one written with it, is in the log:
        // the state store must know nothing of the install yet.
        kBeforeInstallRecord,
    };
    static constexpr unsigned kRarestKind = kBeforeInstallRecord;
    static constexpr std::array<crash::KindFloor, 5> kFloors = {
        {{"inside a commit", 5},
         {"inside flush", 5},
         {"inside install", 5},
         {"inside manifest change", 5},
         {"right before an install's record", 2}}};
    static std::span<const unsigned> wanted_kinds() {
        static constexpr std::array<unsigned, 6> kKinds = {kBeforeInstallRecord,  kInsideInstall,
                                                           kInsideManifestChange, kInsideFlush,
                                                           kInsideCommit,         crash::kRecovery};
        return kKinds;
    }
    static constexpr crash::Tuning kTuning = {.clones_per_life = {24, 4, 2},
                                              .steps_per_life = {1500, 250, 120},
                                              .deeds_per_life = {200, 30, 16, 3},
                                              .states_per_scenario = 60,
                                              .opened_one_in = 1,
                                              .states_waiting_max = 480};

    Scenario begin(uint64_t seed, const crash::Limits& limits) {
        return draw_scenario(seed, limits);
    }
    std::unique_ptr<Life> make_life(const Scenario& scenario, crash::LifeStart<EngineWorld> start,
                                    crash::LifeWatcher<EngineWorld>& watcher) {
        return std::make_unique<Life>(scenario, std::move(start), watcher);
    }
    // A closed engine's log ends with a mark of its last batch: nothing can be lost unseen.
    static bool worth_damaging(const Life& life) { return life.closed(); }
    static DiskImage damage(const DiskImage& clean, const Life& life, uint64_t seed) {
        return crash::damaged_at_rest(clean, life.earlier_image(), seed);
    }
    Proof proof(const Life&, const DiskImage&) { return {}; }
};

}  // namespace timber::storage
